package main

import "strings"

// A testCase is one request, and the answer that every server must give to it.
type testCase struct {
	key, title string
	module     string // the application in bench/apps
	path       string
	post       string // body of a POST; "" is a GET
	want       string // body of the answer
	floor      bool   // bare net/http has the same answer
}

const greeting = "<!doctype html>\n<title>Greeting</title>\n<p>Hello World!</p>"

// tenKilobytes is also in bench/apps: large.py answers it, post.lua sends it.
var tenKilobytes = strings.Repeat("0123456789abcdef", 640)

var allCases = []testCase{
	{key: "hello", title: "Hello world", module: "hello", path: "/", want: "Hello World!\n", floor: true},
	{key: "large", title: "10 KB body", module: "large", path: "/", want: tenKilobytes, floor: true},
	{key: "echo", title: "POST echo 10 KB", module: "echo", path: "/", post: tenKilobytes, want: tenKilobytes, floor: true},
	{key: "flask", title: "Flask view", module: "flask_view", path: "/greet/World", want: greeting},
	{key: "django", title: "Django view", module: "django_view", path: "/greet/World", want: greeting},
	{key: "wait", title: "Waiting 5 ms", module: "wait", path: "/", want: "Waited\n"},
	{key: "hash", title: "SHA-256 of 1 MB", module: "hash", path: "/", want: "aca1cd027e979588d14b877b7b0cb8585ad9fec599eb45801992ee5382b3760f\n"},
}

func (c testCase) name() string { return c.key }
