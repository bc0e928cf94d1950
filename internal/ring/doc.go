// Package ring is the memory that a server shares with one daemon process: a
// ring of requests and one slot per request. It knows the layout, the states
// and who may change what; it knows neither HTTP nor Python nor where the
// memory came from. This package is the server's side. The daemon's side is in
// C, in package python (ring.h), and repeats the numbers of layout.go; a test
// there compares them.
//
// # The region
//
// All numbers are little endian. Words that both sides touch are aligned and
// changed with atomic operations only. The region begins with a page of
// header, then come the attention words, the ring's cells, and, each on page
// boundaries, the slots. Positions follow from the header's four sizes, which
// are written before the daemon exists and never change; the server keeps its
// own copy of them.
//
//	header     who writes   meaning
//	magic      creator      layout version
//	slots      creator      number of slots
//	cells      creator      capacity of the ring, a power of two
//	environ    creator      bytes of a slot's environ area, whole pages
//	tail       server       requests ever pushed
//	head       daemon       requests ever taken (compare-and-swap by its threads)
//	bell       server       futex word: changes when a sleeping thread is to look at the ring
//	sleepers   daemon       threads that sleep on bell
//	running    daemon       threads that have a request
//	computing  daemon       1: requests are short or compute with the GIL, a thread that runs one will be back soon
//	asleep     both         1: the server sleeps; who changes it to 0 writes the eventfd
//	attention  both         a bit per slot: the daemon sets it, the server swaps words with 0
//
// A cell holds the state word of the slot as it was pushed, in its upper half,
// and the slot's index, in its lower: a cell whose slot has another state word
// by the time it is taken is stale, and is passed over.
//
// # A slot
//
// The state word is a generation (29 bits) and a state (3 bits). The generation
// changes when a slot is filled.
//
//	state    who may leave it    to          what it means for the slot's memory
//	free     server              queued      the server's
//	queued   server              free        taken back; it was never started
//	         daemon              running     what the server wrote is final
//	running  daemon              done        body pieces and words as below
//	done     server              free        what the daemon wrote is final
//
// When the daemon dies, a request in queued goes to another process, one in
// running fails (502), one in done is complete and is answered; the region is
// then given up as a whole. When the server dies, the daemon's threads find
// their slots cancelled by their own process, which saw the end of the control
// socket; requests in queued are not begun.
//
// While a request runs:
//
//	word     who writes                      meaning
//	wants    daemon                          1: the body that follows the prefix is wanted
//	in 0, 1  server when empty, else daemon  pieces of the request body, in turns
//	out 0, 1 daemon when empty, else server  pieces of the response, in turns
//	cancel   server                          1: nobody wants the answer
//	bell     server                          futex word: changes with every change by the server
//	waiting  daemon                          1: its thread sleeps on bell
//
// A piece word is 0 for empty, or a kind (2 bits), a flag (1 bit), the number of
// bytes (17 bits) in the area that belongs to it, and the lower 12 bits of the
// request's generation. What is put into a piece
// is final until the other side has set the word to 0. That is all the flow
// control there is.
//
//	of in    data     bytes of the body
//	         end      there are no more
//	         failed   there are no more, because the bytes, a text, say so
//	of out   head     (a part of) a flat head and body; the flag: another part follows
//	         data     bytes of the body; the flag: to be sent at once; no bytes, also
//	                  before the head: whether the client is still there, which cancel answers
//
// The daemon announces every change that it makes to a slot after queued by
// setting the slot's bit in attention, after the change, and by waking the
// server if it sleeps. The server looks at all words of such a slot.
//
// Nobody writes into a slot for a request that it does not hold. The daemon's
// thread compares the state word with the one that it took before it writes a
// piece, and changes that very word to done. The server compares the generation
// in each state word and in each piece with that of its request. On the
// server's side a slot is held by one Lease at a time, which ends once; what is
// in the list of free slots is held by nobody.
//
// The server trusts nothing here: it copies a word once, bounds it, and uses
// the copy; a word that makes no sense makes the process broken (ErrBroken).
package ring
