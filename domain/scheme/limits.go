package scheme

// Bounds on a scheme document, so that one fits an event and stays readable.
const (
	MaxName         = 32  // of a scheme, environment, kind, role, set
	MaxPrefix       = 24  // bytes of a prefix, underscore included
	MaxEnvironments = 16  //
	MaxKinds        = 32  //
	MaxCatalogue    = 256 // permissions
	MaxRoles        = 64  //
	MaxEndpoints    = 512 //
	MaxDocument     = 256 << 10
	MaxCredential   = 256 // bytes of presented text that is looked at
)
