//go:build !race

package ring

// strict makes every misuse of a slot end the program; see Server.OnMisuse.
const strict = false
