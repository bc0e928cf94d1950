// Package cli is the command line: commands, their options, and what they
// print. It is the composition root, which knows every other package by its
// constructor, and holds no rule of HTTP or of WSGI itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/suggest"
)

// Exit statuses.
const (
	statusOK      = 0
	statusFailure = 1 // it was understood and did not work
	statusUsage   = 2 // it was not understood
)

// command is one row of the table of commands.
type command struct {
	name string
	args string // what follows the options in the usage line
	help string
	run  func(ctx context.Context, s surroundings, args []string) int
}

// commands is the table of commands. A function, because help refers to it.
func commands() []command {
	return []command{
		{"start-server", "[OPTIONS] [SCRIPT]", "serve a WSGI application; without SCRIPT, a welcome page", runStartServer},
		{"status", "[OPTIONS]", "print the processes of running servers and what they do", runStatus},
		{"doctor", "[OPTIONS]", "list the Pythons found and what is wrong with those that cannot be used", runDoctor},
		{"version", "", "print the version", runVersion},
		{"help", "[COMMAND]", "explain a command", runHelp},
	}
}

// surroundings is what a command takes from its process.
type surroundings struct {
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	cwd            string
}

// Main runs the command that args name, without the name of the program, and
// returns the exit status: 0, 1 if it failed, 2 if args are wrong. It blocks
// until the command is done.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if role, ok := spawn.RoleOf(append([]string{""}, args...)); ok {
		return runRole(role, stderr)
	}
	cwd, err := startDirectory()
	if err != nil {
		fmt.Fprintf(stderr, "gophersnake: find current directory: %v\n", err)
		return statusFailure
	}
	return run(ctx, surroundings{stdout: stdout, stderr: stderr, lookupEnv: os.LookupEnv, cwd: cwd}, args)
}

// startDirectory returns the directory in which the command was run: also when
// this program has replaced itself, and has left it.
func startDirectory() (string, error) {
	if dir := os.Getenv(cwdVariable); dir != "" {
		os.Unsetenv(cwdVariable) // not for the processes that applications start
		return dir, nil
	}
	return os.Getwd()
}

func run(ctx context.Context, s surroundings, args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(s.stderr, "gophersnake: no command was given")
		printCommands(s.stderr)
		return statusUsage
	}
	name, args := args[0], expandAll(args[1:], s.lookupEnv)
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	}
	if c, ok := findCommand(name); ok {
		return c.run(ctx, s, args)
	}
	return unknownCommand(s, name)
}

func findCommand(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func unknownCommand(s surroundings, name string) int {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	hint := ""
	if near := suggest.Nearest(name, names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	fmt.Fprintf(s.stderr, "gophersnake: unknown command %q%s\n", name, hint)
	printCommands(s.stderr)
	return statusUsage
}

func printCommands(w io.Writer) {
	fmt.Fprint(w, "usage: gophersnake COMMAND [OPTIONS] [ARGUMENT]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-13s %s\n", c.name, c.help)
	}
	fmt.Fprint(w, "\n`gophersnake COMMAND --help` explains the options of a command.\n")
}

// usageLine returns how a command is called.
func (c command) usageLine() string {
	return "usage: " + strings.TrimSpace("gophersnake "+c.name+" "+c.args)
}

// reject explains wrong arguments of a command.
func reject(s surroundings, name string, err error) int {
	c, _ := findCommand(name)
	fmt.Fprintf(s.stderr, "%s\ngophersnake %s: %v\n`gophersnake %s --help` lists the options.\n", c.usageLine(), name, err, name)
	return statusUsage
}

func runStartServer(ctx context.Context, s surroundings, args []string) int {
	o := defaultStartOptions()
	positional, err := parse(startTable(), o, args)
	if err == nil {
		err = o.complete(positional, s.cwd)
	}
	switch {
	case errors.Is(err, errHelp):
		printHelp(s.stdout, "start-server", startTable(), startNotes)
		return statusOK
	case err != nil:
		return reject(s, "start-server", err)
	}
	if err := shedRights(o); err != nil {
		explain(s.stderr, err)
		return statusFailure
	}
	if o.EmbeddedMode {
		return startServer(ctx, o, s.stdout, s.stderr)
	}
	return startParent(ctx, o, o.hosting(), args, s.stdout, s.stderr)
}

func runHelp(ctx context.Context, s surroundings, args []string) int {
	if len(args) == 0 || args[0] == "help" || strings.HasPrefix(args[0], "-") {
		printCommands(s.stdout)
		return statusOK
	}
	if c, ok := findCommand(args[0]); ok {
		return c.run(ctx, s, []string{"--help"})
	}
	return unknownCommand(s, args[0])
}
