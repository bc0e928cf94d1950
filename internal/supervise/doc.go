// Package supervise keeps the processes of a group running: it starts them,
// starts them again when they end, and replaces them when their time has come,
// so that there is always somebody in service. It knows processes by an
// interface, and what the system says of their end; it knows neither how they
// are started nor what they do.
//
// # Places and lives
//
// A group has a fixed number of places. In a place there is one life: a process
// from the moment it is planned until it is gone. Only while a process is
// replaced a place has two, and only one place at a time is in that position:
// a group of N never has more than N+1 processes, beside those that were replaced
// and finish what they do.
//
// # The life cycle
//
// The table is in table.go; what is not in it is ignored.
//
//	waiting   planned; is started at its time (backoff)
//	starting  is not ready; startup-timeout
//	ready     in service
//	retiring  in service until its replacement is ready
//	draining  gets nothing new and ends by itself; graceful-timeout
//	stopping  ends what it does; shutdown-timeout
//	killed    cannot refuse
//	gone
//
// A process that is to be replaced, for whatever reason, goes through all of
// them; if its replacement cannot start, or has not loaded what it has (unloaded.go),
// it stays in service, and another is tried later. One that dies is replaced at once or within seconds if it has been
// in service; what cannot be started, or dies right after that, is tried again
// after 0, 1, 2, 4, ... 60 seconds (backoff.go).
//
// A process that uses no processor time at all for deadlock-timeout is frozen: it
// was stopped by a signal, or the system does not run it. It cannot find that out
// itself. It is killed, and replaced at once (frozen.go).
//
// # Concurrency
//
// One goroutine owns all lives, calls Start, the commands of processes, the
// Observer and Log, in the order in which things happen. Everything else sends
// it messages, which never blocks.
package supervise
