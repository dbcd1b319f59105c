package httpapi

// The parameters that several operations share. They are exported because huma
// passes over embedded types that are not.

// KeyPath names the key that an operation is about.
type KeyPath struct {
	ID string `path:"id"`
}

// AccountPath names the account that an operation is about.
type AccountPath struct {
	ID string `path:"id"`
}

// PageQuery says which part of a list to answer.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
}

// IdempotencyHeader documents the header that caller.by reads.
type IdempotencyHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Makes the request take effect once within 24 hours, however often it is sent."`
}

// BodyBytes takes the body of a request. huma reads it, bounded.
type BodyBytes struct {
	RawBody []byte `contentType:"application/json"`
}
