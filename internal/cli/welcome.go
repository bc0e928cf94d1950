package cli

import _ "embed"

// welcomeSource is the application that is served when no script is given.
//
//go:embed welcome.py
var welcomeSource string
