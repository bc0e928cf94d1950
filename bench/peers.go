package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/gophersnake/gophersnake/bench/launch"
)

// A peer is a server under comparison.
type peer struct {
	key, title string
	// mode is where Python runs: "embedded" in the HTTP server's process, "workers" in HTTP workers, "daemon" in processes
	// behind the HTTP server; "" for none.
	mode               string
	processes, threads int // that run the application; threads are of each process
	least              int // processes that all of the server has at least: fewer, and its time would not be counted
	missing            func(s *site) error
	command            func(s *site, p peer, t target) (launch.Command, error)
}

// A target is what a peer is asked to serve, and where.
type target struct {
	module string // in site.apps
	host   string
	port   int
	log    string
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// floorPeer is what ratios refer to.
var floorPeer = peer{key: "floor", title: "net/http", least: 1, missing: nothing, command: floorCommand}

// embeddedPeers are those of embedded mode.
//
// Apache gets a thread for each of 32 connections even if all of them fall to one process: with 2x5 its event MPM
// closes some of them between requests, which wrk counts as errors.
var embeddedPeers = []peer{
	floorPeer,
	{key: "gophersnake", title: "Gophersnake", mode: "embedded", processes: 1, threads: 5, least: 1,
		missing: gophersnakeMissing, command: gophersnakeCommand},
	{key: "apache", title: "Apache + mod_wsgi", mode: "embedded", processes: 2, threads: 32, least: 1 + 2,
		missing: apacheMissing, command: apacheCommand},
	{key: "gunicorn", title: "gunicorn gthread", mode: "workers", processes: 2, threads: 5, least: 1 + 2,
		missing: inVenv("gunicorn"), command: gunicornCommand},
	{key: "granian", title: "Granian", mode: "workers", processes: 1, threads: 5, least: 1 + 1,
		missing: inVenv("granian"), command: granianCommand},
	{key: "fastpysgi", title: "fastpysgi", mode: "workers", processes: 1, threads: 1, least: 1,
		missing: inVenv("fastpysgi"), command: fastpysgiCommand},
}

// daemonPeers are those of daemon mode, all with the same processes x threads for the application: Gophersnake and Apache
// have HTTP processes besides.
func daemonPeers(processes, threads int) []peer {
	peers := []peer{
		floorPeer,
		{key: "gophersnake", title: "Gophersnake", mode: "daemon", least: 2 + processes,
			missing: gophersnakeMissing, command: gophersnakeCommand},
		{key: "apache", title: "Apache + mod_wsgi", mode: "daemon", least: 1 + apacheFront.processes + processes,
			missing: apacheMissing, command: apacheCommand},
		{key: "gunicorn", title: "gunicorn gthread", mode: "workers", least: 1 + processes,
			missing: inVenv("gunicorn"), command: gunicornCommand},
		{key: "granian", title: "Granian", mode: "workers", least: 1 + processes,
			missing: inVenv("granian"), command: granianCommand},
	}
	for i := range peers[1:] {
		peers[1+i].processes, peers[1+i].threads = processes, threads
	}
	return peers
}

func (p peer) name() string { return p.key }

// serves reports whether p can answer c: the floor runs no Python.
func (p peer) serves(c testCase) bool { return p.mode != "" || c.floor }

// label is the name in the tables: who, where Python runs, processes x threads.
func (p peer) label() string {
	if p.mode == "" {
		return p.title
	}
	return fmt.Sprintf("%s, %s %dx%d", p.title, p.mode, p.processes, p.threads)
}

func nothing(*site) error { return nil }

// inVenv is for peers that are a program of the virtual environment.
func inVenv(program string) func(*site) error {
	return func(s *site) error {
		if _, err := os.Stat(s.venvProgram(program)); err != nil {
			return fmt.Errorf("%s is not in the virtual environment: pip failed?", program)
		}
		return nil
	}
}

func floorCommand(s *site, _ peer, t target) (launch.Command, error) {
	program, err := s.buildFloor()
	if err != nil {
		return launch.Command{}, err
	}
	return launch.Command{Args: []string{program, "-address", t.address(), "-case", t.module}, Log: t.log}, nil
}

func gophersnakeMissing(s *site) error {
	if _, err := exec.LookPath(s.gophersnake); err != nil {
		return errors.New("the program is not built: see -gophersnake")
	}
	return s.closedToServers()
}

func gophersnakeCommand(s *site, p peer, t target) (launch.Command, error) {
	g := launch.Gophersnake{Program: s.gophersnake, Script: filepath.Join(s.apps, t.module+".py"), PythonHome: s.venv,
		Daemon: p.mode == "daemon", Processes: p.processes, Threads: p.threads}
	if s.root {
		g.User = launch.ServerUser
	}
	return launch.Command{Args: g.Args(t.host, t.port), Dir: s.work, Log: t.log}, nil
}

func gunicornCommand(s *site, p peer, t target) (launch.Command, error) {
	return launch.Command{Args: []string{s.venvProgram("gunicorn"), "--bind", t.address(),
		"--worker-class", "gthread", "--workers", strconv.Itoa(p.processes), "--threads", strconv.Itoa(p.threads),
		"--keep-alive", "75", "--no-control-socket", t.module + ":application"}, Dir: s.apps, Log: t.log}, nil
}

// granianCommand leaves Granian's defaults but for the threads in Python: by default it may start 512 of them.
func granianCommand(s *site, p peer, t target) (launch.Command, error) {
	return launch.Command{Args: []string{s.venvProgram("granian"), "--interface", "wsgi",
		"--host", t.host, "--port", strconv.Itoa(t.port),
		"--workers", strconv.Itoa(p.processes), "--blocking-threads", strconv.Itoa(p.threads),
		t.module + ":application"}, Dir: s.apps, Log: t.log}, nil
}

// fastpysgiCommand: one process and one thread is how it is made; its command line has no other.
func fastpysgiCommand(s *site, _ peer, t target) (launch.Command, error) {
	return launch.Command{Args: []string{s.venvProgram("fastpysgi"), "--host", t.host, "--port", strconv.Itoa(t.port),
		t.module + ":application"}, Dir: s.apps, Log: t.log}, nil
}
