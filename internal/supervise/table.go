package supervise

import "fmt"

// State is where a life stands.
type State uint8

// The states, in the order in which a life goes through them. It may leave some
// out and never goes back.
const (
	Waiting State = iota
	Starting
	InService
	Retiring
	Draining
	Stopping
	Killed
	Gone
)

var stateNames = [...]string{"waiting", "starting", "ready", "retiring", "draining", "stopping", "killed", "gone"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// MarshalText writes the state's name, for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// inService reports whether a process in this state gets work.
func (s State) inService() bool { return s == InService || s == Retiring }

// live reports whether there is a process.
func (s State) live() bool { return s >= Starting && s <= Killed }

// event is what moves a life.
type event uint8

const (
	evTimeout  event = iota // the time limit of the state is over
	evReady                 // the process says that it is ready
	evFailed                // the process says that it cannot start
	evRetire                // its turn to be replaced has come
	evReplaced              // its replacement is ready
	evExited                // the process is no more, or there was none to start
	evShutdown              // the group ends
	evForce                 // the group ends at once
	evUnloaded              // it is ready, but has not loaded what the process that it replaces has
	evFrozen                // nothing in the process runs any more
	events
)

// step is where an event leads, and what is done then.
type step struct {
	to  State
	act func(*Group, *life)
}

// table is the life cycle; nil is a step that is not taken.
type table [Gone][events]*step

// lifeCycle returns the table.
func lifeCycle() *table {
	return &table{
		Waiting: {
			evTimeout:  {Starting, (*Group).start},
			evShutdown: {Gone, nil},
			evForce:    {Gone, nil},
		},
		Starting: {
			evReady:    {InService, (*Group).enterService},
			evFailed:   {Killed, (*Group).kill},
			evUnloaded: {Stopping, (*Group).stop},
			evTimeout:  {Killed, (*Group).killLateStart},
			evExited:   {Gone, (*Group).failedToStart},
			evShutdown: {Stopping, (*Group).stop},
			evForce:    {Killed, (*Group).kill},
		},
		InService: {
			evRetire:   {Retiring, (*Group).replace},
			evExited:   {Gone, (*Group).died},
			evShutdown: {Draining, (*Group).drain},
			evForce:    {Killed, (*Group).killInService},
			evFrozen:   {InService, (*Group).endFrozen},
		},
		Retiring: {
			evReplaced: {Draining, (*Group).giveWay},
			evExited:   {Gone, (*Group).died},
			evShutdown: {Draining, (*Group).drain},
			evForce:    {Killed, (*Group).killInService},
			evFrozen:   {Retiring, (*Group).endFrozen},
		},
		Draining: {
			evTimeout:  {Stopping, (*Group).stop},
			evExited:   {Gone, (*Group).ended},
			evShutdown: {Draining, (*Group).hurry},
			evForce:    {Killed, (*Group).kill},
			evFrozen:   {Draining, (*Group).endFrozen},
		},
		Stopping: {
			evTimeout: {Killed, (*Group).killLateStop},
			evExited:  {Gone, (*Group).lastEnded},
			evForce:   {Killed, (*Group).kill},
			evFrozen:  {Stopping, (*Group).endFrozen},
		},
		Killed: {
			evTimeout:  {Killed, (*Group).complain},
			evExited:   {Gone, (*Group).lastEnded},
			evShutdown: {Killed, (*Group).complainAgain},
			evForce:    {Killed, (*Group).complainAgain},
		},
	}
}
