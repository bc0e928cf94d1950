package cli

import (
	"fmt"
	"math"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/front"
)

// RateOptions say how slow a client may be at sending, as the options of
// mod_wsgi-express do.
type RateOptions struct {
	Timeout    time.Duration // 0 for no limit
	MaxTimeout time.Duration // 0 for none
	MinRate    int64         // bytes a second; 0: none
}

// The rates of mod_wsgi-express.
func defaultHeaderRate() RateOptions {
	return RateOptions{Timeout: 15 * time.Second, MaxTimeout: 30 * time.Second, MinRate: 500}
}

func defaultBodyRate() RateOptions {
	return RateOptions{Timeout: 15 * time.Second, MinRate: 500}
}

// rateSeconds reads a number of seconds.
func rateSeconds(field func(*StartOptions) *time.Duration) func(*StartOptions, []string) error {
	return number(0, math.MaxInt32, func(o *StartOptions, n int64) { *field(o) = time.Duration(n) * time.Second })
}

// completeRates settles what depends on several options. A maximum that nobody
// has set grows with the time-out.
func (o *StartOptions) completeRates() error {
	if o.Header.MaxTimeout == defaultHeaderRate().MaxTimeout {
		o.Header.MaxTimeout = max(o.Header.MaxTimeout, o.Header.Timeout)
	}
	for _, r := range []struct {
		name string
		RateOptions
	}{{"header", o.Header}, {"body", o.Body}} {
		if r.MaxTimeout > 0 && r.MaxTimeout < r.Timeout {
			return fmt.Errorf("--%s-max-timeout %v is shorter than --%s-timeout %v: give a longer one, or 0 for no limit",
				r.name, r.MaxTimeout, r.name, r.Timeout)
		}
	}
	return nil
}

// rate is what package front takes.
func (r RateOptions) rate() framing.Rate {
	if r.Timeout == 0 {
		return framing.Rate{Initial: front.NoLimit}
	}
	return framing.Rate{Initial: r.Timeout, Max: r.MaxTimeout, Min: r.MinRate}
}
