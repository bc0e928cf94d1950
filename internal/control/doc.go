// Package control carries messages and file descriptors between two of our own
// processes, over a pair of connected unix sockets that keep the bounds of
// messages (SOCK_SEQPACKET). It knows how a message looks and what is wrong
// with one; it knows neither what kinds there are nor who the processes are.
//
// # The wire
//
// A note, the usual message, is
//
//	4 bytes   "NOTE"
//	1 byte    length of the kind, 1 to 32
//	          the kind: lower case letters, digits and -
//	the rest  nothing, or JSON of at most 64 KiB
//
// together with up to 64 descriptors (SCM_RIGHTS). A slot file, which C code of
// a daemon sends on the same socket, is four little endian words of 32 bits
// with exactly one descriptor:
//
//	"FILE", index of the slot, its state word, 0
//
// Either side may be hostile: everything that is received is checked, and
// descriptors that came with a refused message are closed.
package control
