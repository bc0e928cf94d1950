package procgroup

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the options as a Markdown table for the reference page,
// a heading and a table for each part.
func WriteMarkdown(w io.Writer) error {
	heading := ""
	for _, row := range table {
		if row.Heading != heading {
			heading = row.Heading
			if _, err := fmt.Fprintf(w, "\n### %s\n\n| option | value | default | meaning | start-server |\n|---|---|---|---|---|\n", heading); err != nil {
				return fmt.Errorf("write options: %w", err)
			}
		}
		if _, err := fmt.Fprintln(w, row.markdown()); err != nil {
			return fmt.Errorf("write options: %w", err)
		}
	}
	return nil
}

// markdown is the row as a line of a table.
func (row Option) markdown() string {
	byDefault := row.Default
	if byDefault == "" {
		byDefault = row.Without
	}
	flag := ""
	if row.Flag != "" {
		flag = "`" + row.Flag + "`"
	}
	if row.express != "" {
		flag += ", " + row.express
	}
	cells := []string{"`" + row.Name + "`", row.metavar + ": " + row.values, byDefault, row.Help, flag}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return strings.TrimRight("| "+strings.Join(cells, " | ")+" |", "\n")
}
