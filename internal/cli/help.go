package cli

import (
	"fmt"
	"io"
	"strings"
)

const (
	helpColumn = 30 // where the explanations begin
	helpWidth  = 96
)

// printHelp prints what a command does and its options under their headings,
// in the order of the table.
func printHelp[T any](w io.Writer, name string, table []option[T], notes string) {
	c, _ := findCommand(name)
	fmt.Fprintf(w, "%s\n\n%s.\n", c.usageLine(), strings.ToUpper(c.help[:1])+c.help[1:])
	group := ""
	for _, row := range withHelp(table) {
		if row.group != group {
			group = row.group
			fmt.Fprintf(w, "\n%s:\n", group)
		}
		printOption(w, row)
	}
	if notes != "" {
		fmt.Fprintf(w, "\n%s", notes)
	}
}

func printOption[T any](w io.Writer, row option[T]) {
	label := "  " + strings.TrimSpace(row.name+" "+row.metavar)
	text := row.help
	if row.repeat {
		text += "; may be repeated"
	}
	if row.byDef != "" {
		text += " [" + row.byDef + "]"
	}
	for i, line := range wrap(text, helpWidth-helpColumn) {
		switch {
		case i > 0:
			label = ""
		case len(label) > helpColumn-2:
			fmt.Fprintln(w, label)
			label = ""
		}
		fmt.Fprintf(w, "%-*s%s\n", helpColumn, label, line)
	}
}

// wrap breaks a text at blanks into lines of at most width characters, unless
// a word is longer.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
