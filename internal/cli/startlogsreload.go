package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// logsVariable hands the open logs to a program that replaces itself: it may not
// be able to open them with the rights that it has by then.
const logsVariable = "GOPHERSNAKE_LOGS"

// bequeath returns what logsVariable is to be for the next program.
func (l *logFiles) bequeath() (string, error) {
	var bequests []logs.Bequest
	for _, f := range l.files {
		b, err := f.Bequeath()
		if err != nil {
			return "", err
		}
		bequests = append(bequests, b)
	}
	text, err := json.Marshal(bequests)
	if err != nil {
		return "", fmt.Errorf("pass on log files: %w", err)
	}
	return logsVariable + "=" + string(text), nil
}

// bequestsOfLogs are the logs that the program before has left open.
func bequestsOfLogs() (bequests []logs.Bequest, err error) {
	text := os.Getenv(logsVariable)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(logsVariable) // not for the processes that applications start
	if err := json.Unmarshal([]byte(text), &bequests); err != nil {
		return nil, fmt.Errorf("read %s: %w", logsVariable, err)
	}
	return bequests, nil
}

// inherit takes over a log that the program before has left open; nil if it has
// not.
func (l *logFiles) inherit(path string) (*logs.File, error) {
	i := slices.IndexFunc(l.bequests, func(b logs.Bequest) bool { return b.Path == path })
	if i < 0 {
		return nil, nil
	}
	return logs.Inherit(l.bequests[i])
}
