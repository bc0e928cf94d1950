package main

import (
	"fmt"
	"slices"
	"strings"
)

// A testCase is one request, and the answer that every server must give to it.
type testCase struct {
	key, title string
	module     string // the application in bench/apps
	path       string
	post       string // body of a POST; "" is a GET
	want       string // body of the answer
	floor      bool   // bare net/http has the same answer
}

// concurrencies are the numbers of connections each case is measured with.
var concurrencies = []int{1, 32}

const greeting = "<!doctype html>\n<title>Greeting</title>\n<p>Hello World!</p>"

// tenKilobytes is also in bench/apps: large.py answers it, post.lua sends it.
var tenKilobytes = strings.Repeat("0123456789abcdef", 640)

var allCases = []testCase{
	{key: "hello", title: "Hello world", module: "hello", path: "/", want: "Hello World!\n", floor: true},
	{key: "large", title: "10 KB body", module: "large", path: "/", want: tenKilobytes, floor: true},
	{key: "echo", title: "POST echo 10 KB", module: "echo", path: "/", post: tenKilobytes, want: tenKilobytes, floor: true},
	{key: "flask", title: "Flask view", module: "flask_view", path: "/greet/World", want: greeting},
	{key: "django", title: "Django view", module: "django_view", path: "/greet/World", want: greeting},
}

func (c testCase) name() string { return c.key }

func caseKeys() []string { return keys(allCases) }

func chooseCases(list string) ([]testCase, error) { return choose("case", allCases, list) }

// named is a row of one of the tables.
type named interface{ name() string }

func keys[T named](rows []T) []string {
	var names []string
	for _, row := range rows {
		names = append(names, row.name())
	}
	return names
}

// choose returns the rows whose names are in list, in the order of rows; all for an empty list.
func choose[T named](what string, rows []T, list string) ([]T, error) {
	if list == "" {
		return rows, nil
	}
	wanted := strings.Split(list, ",")
	for _, name := range wanted {
		if !slices.Contains(keys(rows), name) {
			return nil, fmt.Errorf("no %s %q; there are %s", what, name, strings.Join(keys(rows), ", "))
		}
	}
	var chosen []T
	for _, row := range rows {
		if slices.Contains(wanted, row.name()) {
			chosen = append(chosen, row)
		}
	}
	return chosen, nil
}
