// Package logs writes the error log and the access log: levels, Apache's line
// formats, escaping, files that can be reopened. It knows no HTTP server and no
// Python; what it writes is given to it as a Record or an AccessEntry.
package logs
