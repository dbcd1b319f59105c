package apikey

import "time"

// Bounds on what one key can carry.
const (
	MaxName        = 128              // bytes; names are for people and appear in tables
	MaxMetadata    = 32               // entries; metadata labels a key, it is not a store
	MaxMetadataKey = 64               // bytes
	MaxMetadataVal = 512              // bytes
	MaxResource    = 128              // bytes
	MaxCredentials = 16               // that are not yet cut; each costs a row
	MaxKept        = 64               // credentials remembered, cut ones included, oldest cut forgotten first
	MaxReason      = 256              // bytes
	MaxOverlap     = 90 * 24 * 3600   // seconds; an overlap is for a deployment, not for ever
	DefaultOverlap = 24 * time.Hour   // of a rotation that does not say
	DefaultGrace   = 10 * time.Minute // after first use, of a rotation that cuts on it
)
