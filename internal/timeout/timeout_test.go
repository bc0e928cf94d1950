package timeout

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

const second = Limit(time.Second)

func TestUntil(t *testing.T) {
	late := errors.New("it is late")
	for _, c := range []struct {
		name  string
		limit Limit
		after time.Duration
		cause error
	}{
		{"just before", second, time.Second - 1, nil},
		{"exactly reached", second, time.Second, late},
		{"no limit", None, 1000 * time.Hour, nil},
		{"zero value", 0, 1000 * time.Hour, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := Until(t.Context(), c.limit.After(time.Now()), late)
				defer cancel()
				timer := time.NewTimer(c.after)
				<-timer.C
				synctest.Wait()
				if got := context.Cause(ctx); !errors.Is(got, c.cause) {
					t.Errorf("cause %v, want %v", got, c.cause)
				}
			})
		})
	}
}

func TestUntilEndsWithItsParent(t *testing.T) {
	broken := errors.New("broken")
	parent, stop := context.WithCancelCause(t.Context())
	stop(broken)
	for _, l := range []Limit{None, second} {
		ctx, cancel := Until(parent, l.After(time.Now()), nil)
		defer cancel()
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), broken) {
			t.Errorf("%v: cause %v", l, context.Cause(ctx))
		}
	}
}

func TestArithmetic(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"after none", None.After(now), time.Time{}},
		{"after 1s", second.After(now), now.Add(time.Second)},
		{"sum", second.Plus(2 * second), 3 * second},
		{"sum with none", second.Plus(None), None},
		{"none with a sum", None.Plus(second), None},
		{"longest", Longest(second, 3*second, 2*second), 3 * second},
		{"longest of none", Longest(second, None), None},
		{"longest of nothing", Longest(), None},
		{"text", second.String(), "1s"},
		{"text of none", None.String(), "no limit"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, want := range []Limit{None, second} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Limit
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%v became %v through %s, %v", want, got, text, err)
		}
	}
}
