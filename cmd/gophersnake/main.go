// Command gophersnake hosts Python WSGI applications. It knows nothing but
// where the command line is read: package cli.
package main

import (
	"context"
	"os"

	"github.com/gophersnake/gophersnake/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
