package logs

// Level is a severity of Apache's LogLevel; a lower value is more severe.
type Level uint8

// The levels of Apache, from the most severe to the least.
const (
	Emerg Level = iota
	Alert
	Crit
	Error
	Warn
	Notice
	Info
	Debug
	Trace
)

// Record is one line of the error log. Empty fields are left out.
type Record struct {
	Level     Level
	Module    string // who speaks: "wsgi", "core", "http"
	Thread    int    // operating system thread; 0 stands for the caller's
	Client    string // address:port
	RequestID string
	Script    string
	Message   string // may hold several lines: all but the first are marked
}

// Logger takes records. Log is safe for concurrent use and does not fail: what
// cannot be written is dropped and counted.
type Logger interface {
	Log(Record)
	// Enabled reports whether a record of this level would be written.
	Enabled(Level) bool
}
