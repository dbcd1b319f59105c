package telemetry

// minSecret is the number of digits after an underscore from which text counts
// as a credential. An id has 26, the secret half of a pair 32; an error that
// shows only the first 64 bytes of a key still shows more than this of it.
const minSecret = 27

// maxScrapes bounds the scrapes served at once; a scraper that is refused comes
// again.
const maxScrapes = 4
