package wsgi

import (
	"testing"

	"github.com/gophersnake/gophersnake/internal/python"
)

// variants are what TestPythons runs over each Python.
var variants = []variant{
	{name: "shared", run: runShared},
	{name: "owngil", wanted: hasOwnGIL, run: runOwnGIL},
	{name: "restricted", run: runRestricted},
	{name: "signals", run: runSignals},
	{name: "farewell", run: runFarewell},
	{name: "farewell-threads", run: runFarewellThreads},
	{name: "busy", run: runBusy, embeddedOnly: true},
	{name: "queue", run: runQueue, embeddedOnly: true},
	{name: "keep", run: runKeep, embeddedOnly: true},
	{name: "processors", run: runProcessors, embeddedOnly: true},
	{name: "identities", run: runIdentities},
	{name: "owner", run: runOwner},
	{name: "other-request-whole", wanted: oldestAndNewest, run: runOtherRequest("/whole"), daemonOnly: true},
	{name: "other-request-pieces", wanted: oldestAndNewest, run: runOtherRequest("/pieces"), daemonOnly: true},
	{name: "other-request-file", wanted: oldestAndNewest, run: runOtherRequest("/file"), daemonOnly: true},
	{name: "metrics", run: runMetrics},
	{name: "flush-at-once", run: runFlushAtOnce, embeddedOnly: true},
	{name: "flush-late", run: runFlushLate, embeddedOnly: true},
	{name: "service", run: runService, embeddedOnly: true},
	{name: "fork-load", run: runForkLoad},
	{name: "fork-service", run: runForkService, embeddedOnly: true},
	{name: "fork-head", run: runForkHead},
	{name: "leaks", wanted: oldestAndNewest, run: runLeaks},
	{name: "frameworks", wanted: oldestAndNewest, run: runFrameworks},
}

// runShared has a main and a sub-interpreter under one GIL.
func runShared(t *testing.T) {
	rt := startPython(t)
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) { runHost(t, rt, h, "shared") })
	}
	t.Run("isolation", func(t *testing.T) { testIsolation(t, rt) })
	rt.close(t)
}

func runHost(t *testing.T, rt *runtime, h embedded, variant string) {
	t.Run("cases", func(t *testing.T) { runCases(t, rt, h, variant) })
	t.Run("streams", func(t *testing.T) { runStreams(t, rt, h) })
	t.Run("many-files", func(t *testing.T) { testManyFiles(t, rt, h) })
	t.Run("two-callables", func(t *testing.T) { testTwoCallables(t, rt, h) })
	t.Run("built-in", func(t *testing.T) { testBuiltIn(t, rt, h) })
}

// runOwnGIL has sub-interpreters with a GIL each.
func runOwnGIL(t *testing.T) {
	rt := startPython(t, func(o *python.Options) { o.PerInterpreterGIL = true })
	h := rt.hosts()[1]
	t.Run(h.name(), func(t *testing.T) { runHost(t, rt, h, "owngil") })
	t.Run("isolation", func(t *testing.T) { testIsolation(t, rt) })
	rt.close(t)
}

// runRestricted has the standard streams restricted.
func runRestricted(t *testing.T) {
	rt := startPython(t, func(o *python.Options) { o.RestrictStdin, o.RestrictStdout = true, true })
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) { runCases(t, rt, h, "restricted") })
	}
	rt.close(t)
}

// runSignals lets applications register signal handlers.
func runSignals(t *testing.T) {
	rt := startPython(t, func(o *python.Options) { o.AllowSignals = true })
	h := rt.hosts()[0]
	t.Run(h.name(), func(t *testing.T) { runCases(t, rt, h, "signals") })
	rt.close(t)
}
