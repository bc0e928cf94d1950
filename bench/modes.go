package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A mode is a part of the comparison with a report and aims of its own.
type mode struct {
	key     string
	lineups []*lineup
	aims    []aim
}

func (m mode) name() string { return m.key }

// A lineup is peers that are measured in turn with the same cases, and what came out.
type lineup struct {
	title         string // what its tables are called besides case and connections; "" for nothing
	peers         []peer
	cases         []testCase
	concurrencies []int
	results       *results
}

func newLineup(title string, peers []peer, cases string, concurrencies ...int) *lineup {
	return &lineup{title: title, peers: peers, cases: only(allCases, cases), concurrencies: concurrencies, results: newResults()}
}

// allModes is the whole comparison, without results. Daemon mode leaves out cases that say the same as in embedded mode,
// so that the run stays short.
func allModes() []mode {
	return []mode{
		{key: "embedded", aims: embeddedAims, lineups: []*lineup{
			newLineup("", embeddedPeers, "hello,large,echo,flask,django", 1, 32),
			newLineup("", embeddedPeers, "wait,hash", 32),
		}},
		{key: "daemon", aims: daemonAims, lineups: []*lineup{
			newLineup("1 x 5", daemonPeers(1, 5), "hello,flask,django", 1, 32),
			newLineup("1 x 5", daemonPeers(1, 5), "wait,hash", 32),
			newLineup("2 x 5", daemonPeers(2, 5), "hello", 32),
		}},
	}
}

// chooseModes returns what the flags leave of the comparison: lists of names by comma, "" for all. Names that nothing has
// are an error, and so is a choice that leaves nothing.
func chooseModes(modes, peers, cases string) ([]mode, error) {
	all := allModes()
	if err := errors.Join(checkNames("mode", modes, keys(all)), checkNames("peer", peers, peerKeys()),
		checkNames("case", cases, keys(allCases))); err != nil {
		return nil, err
	}
	var chosen []mode
	for _, m := range only(all, modes) {
		m.lineups = restrict(m.lineups, peers, cases)
		if len(m.lineups) > 0 {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("nothing to measure: no mode of %q has a peer of %q and a case of %q", modes, peers, cases)
	}
	return chosen, nil
}

// restrict drops peers, cases, and lineups that have none.
func restrict(lineups []*lineup, peers, cases string) []*lineup {
	var left []*lineup
	for _, l := range lineups {
		l.peers, l.cases = only(l.peers, peers), only(l.cases, cases)
		if len(l.peers) > 0 && len(l.cases) > 0 {
			left = append(left, l)
		}
	}
	return left
}

// find returns the peer and the case with these keys, and whether the lineup measures them with so many connections.
func (l *lineup) find(peerKey, caseKey string, connections int) (peer, testCase, bool) {
	p := slices.IndexFunc(l.peers, func(p peer) bool { return p.key == peerKey })
	c := slices.IndexFunc(l.cases, func(c testCase) bool { return c.key == caseKey })
	if p < 0 || c < 0 || !slices.Contains(l.concurrencies, connections) {
		return peer{}, testCase{}, false
	}
	return l.peers[p], l.cases[c], true
}

// named is a row of one of the tables.
type named interface{ name() string }

func keys[T named](rows []T) []string {
	var names []string
	for _, row := range rows {
		names = append(names, row.name())
	}
	return names
}

func modeKeys() []string { return keys(allModes()) }

// peerKeys are the names of the peers of any mode, each once.
func peerKeys() []string {
	var names []string
	for _, m := range allModes() {
		for _, l := range m.lineups {
			for _, name := range keys(l.peers) {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// checkNames refuses a list by comma with a name that is not among the known ones.
func checkNames(what, list string, known []string) error {
	if list == "" {
		return nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no %s %q; there are %s", what, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// only returns the rows whose names are in list, in the order of rows; all for an empty list.
func only[T named](rows []T, list string) []T {
	if list == "" {
		return rows
	}
	wanted := strings.Split(list, ",")
	var chosen []T
	for _, row := range rows {
		if slices.Contains(wanted, row.name()) {
			chosen = append(chosen, row)
		}
	}
	return chosen
}
