// Package e2e tests the program as its users meet it: as a process with a
// command line, sockets, log files and signals. It knows what is documented and
// observable from outside, and nothing of the packages inside.
package e2e
