package parent

import "github.com/gophersnake/gophersnake/internal/wire"

// Vitals returns what a process has told of itself last; ok is false when it has
// told nothing, or is not there.
func (p *Parent) Vitals(id wire.ProcessID) (v wire.Vitals, ok bool) {
	g := p.now()
	if g == nil {
		return v, false
	}
	d := g.daemon(id)
	if d == nil {
		return v, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.vitals == nil {
		return v, false
	}
	return *d.vitals, true
}

func (d *daemon) setVitals(v wire.Vitals) {
	d.mu.Lock()
	d.vitals = &v
	d.mu.Unlock()
}
