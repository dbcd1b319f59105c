package scheme

// Bounds on a scheme document, so that one fits an event and stays readable, and
// on what is read of a request.
const (
	MaxName          = 32        // bytes of the name of a scheme, environment, kind, role, set
	MaxPrefix        = 24        // bytes of a prefix, underscore included
	MaxEnvironments  = 16        // each multiplies the prefixes
	MaxKinds         = 32        // each does too
	MaxCatalogue     = 256       // permissions; people choose from them
	MaxRoles         = 64        // and from these
	MaxEndpoints     = 512       // a request tries them one by one
	MaxDocument      = 256 << 10 // bytes; the event that keeps it holds three times as much
	MaxPresentations = 16        // a request is compared with each
	MaxSets          = 16        // and MaxSetKinds keys are one command
	MaxSetKinds      = 8
	MaxMembers       = 32     // permissions of people, who choose from them
	MaxSentence      = 256    // bytes of what is said to whoever presents a key in a refused way
	MaxNamePattern   = 256    // bytes of a regular expression that every name is matched with
	MaxLifetimeDays  = 36_500 // a hundred years; more is a slip of the pen
	MaxProblems      = 64     // that are named; a document of mistakes only must not make an answer of gigabytes
	MaxCredential    = 256    // bytes of presented text that are looked at
)
