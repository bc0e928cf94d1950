package front

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// TestPiecesAreBounded: all that is lent is counted, the large pieces leave
// something to the small ones, and what is given back is there again.
func TestPiecesAreBounded(t *testing.T) {
	a := readAhead{total: 4 << 20}
	var lent []*piece
	take := func(step int) (n int) {
		for p := a.take(step); p != nil; p = a.take(step) {
			if int64(len(p.bytes)) != pieceSize(step) || p.step != step {
				t.Fatalf("a piece of %d bytes, want %d", len(p.bytes), pieceSize(step))
			}
			lent, n = append(lent, p), n+1
		}
		return n
	}
	if n := take(4); n != 3 {
		t.Errorf("%d pieces of 1 MiB out of 4 MiB, want 3", n)
	}
	if n := take(2); n != 16 {
		t.Errorf("then %d pieces of 64 KiB, want 16", n)
	}
	if n := take(0); n != 0 || a.lent.Load() != a.total {
		t.Errorf("then %d pieces of 4 KiB; %d bytes are lent", n, a.lent.Load())
	}
	for _, p := range lent {
		a.give(p)
	}
	if n := a.lent.Load(); n != 0 {
		t.Errorf("%d bytes are lent when all are back", n)
	}
	if a.take(pieceSteps) != nil {
		t.Error("a piece larger than the largest")
	}
}

// TestMostReadAhead: as much as an option may ask for is read ahead, one byte more is
// not. A piece is lent beside the one before it while a body moves.
func TestMostReadAhead(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: NoLimit, ReadAhead: MaxReadAhead, BodyRate: framing.Rate{Initial: NoLimit}})
	for n, want := range map[int]string{
		MaxReadAhead:     fmt.Sprintf("%d - of %[1]d", MaxReadAhead),
		MaxReadAhead + 1: fmt.Sprintf("0 %d of %[1]d", MaxReadAhead+1),
	} {
		if r := ask(t, s, post(n, "")); r.body != want {
			t.Errorf("got %q, want %q", r.body, want)
		}
	}
	if size := pieceSize(pieceSteps - 1); size != MaxReadAhead {
		t.Errorf("the largest piece has %d bytes, and up to %d may be asked for", size, MaxReadAhead)
	}
	poll(t, "the memory back", func() bool { return s.ahead.lent.Load() == 0 })
}

// TestMemoryGrowsAsDataCome: what a client declares costs nothing.
func TestMemoryGrowsAsDataCome(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: NoLimit, ChunkedRequest: true})
	const whole = 1 << 20
	for _, c := range []struct {
		name, in string
		most     int64 // bytes lent
	}{
		{"nothing has come", promised(whole, 0), 4 << 10},
		{"little has come", promised(whole, 1000), 4 << 10},
		{"some has come", promised(whole, 100_000), 256 << 10},
		{"in chunks", strings.TrimSuffix(chunks(9000), "0\r\n\r\n"), 16 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := send(t, s, c.in)
			// a piece that grows is lent beside the smaller one for a moment
			poll(t, "the memory for what has come", func() bool { return s.ahead.lent.Load() == c.most })
			conn.Close()
			poll(t, "the memory back", func() bool { return s.ahead.lent.Load() == 0 })
		})
	}
}

// TestReadAheadFallsBack: when the memory is used up, bodies are streamed, and
// nothing of them is lost.
func TestReadAheadFallsBack(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: NoLimit, ChunkedRequest: true})
	s.ahead.total = 100 << 10
	for _, c := range []struct{ in, want string }{
		{post(4000, ""), "4000 - of 4000"},
		{post(60_000, ""), "60000 - of 60000"},
		{post(200_000, ""), "65536 134464 of 200000"},
		{chunks(200_000), "65536 134464 of -1"},
		{chunks(60_000), "60000 - of 60000"},
	} {
		if r := ask(t, s, c.in); r.body != c.want {
			t.Errorf("got %q, want %q", r.body, c.want)
		}
	}
	s.ahead.total = 0
	if r := ask(t, s, post(1000, "")); r.body != "0 1000 of 1000" {
		t.Errorf("without any memory: got %q", r.body)
	}
	poll(t, "the memory back", func() bool { return s.ahead.lent.Load() == 0 })
}

// TestNoReadAhead: where it is switched off the application reads everything.
func TestNoReadAhead(t *testing.T) {
	s := start(t, Options{App: app(echo), ReadAhead: NoLimit, ChunkedRequest: true})
	for in, want := range map[string]string{post(10, ""): "0 10 of 10", chunks(10): "0 10 of -1"} {
		if r := ask(t, s, in); r.body != want {
			t.Errorf("got %q, want %q", r.body, want)
		}
	}
}

// TestSlowBodies: a body that trickles is cut, whoever reads it, in both
// protocols, with 408 and a word in the log.
func TestSlowBodies(t *testing.T) {
	reads := app(func(_ context.Context, r *gateway.Request, _ gateway.ResponseWriter) error {
		_, err := io.Copy(io.Discard, r.Body)
		return &gateway.Error{Kind: gateway.Failed, Err: err}
	})
	rate := framing.Rate{Initial: 100 * time.Millisecond, Min: 1 << 20}
	for _, length := range []int64{1000, 2 << 20} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			s := start(t, Options{App: reads, BodyRate: rate})
			c := send(t, s, promised(length, 0))
			go trickle(c)
			if got := read(t, bufio.NewReader(c), http.MethodPost); got.StatusCode != 408 || !got.Close {
				t.Errorf("got %s, close %v", got.Status, got.Close)
			}
			if line := s.await(t, "sends it too slowly"); line.Level != logs.Info || !strings.Contains(line.Message, "body-timeout 100ms, body-min-rate 1048576") {
				t.Errorf("logged %+v", line)
			}
			two := start(t, Options{App: reads, BodyRate: rate})
			in, out := io.Pipe()
			defer out.Close()
			go trickle(out)
			r := do(t, http.MethodPost, "http://"+two.addr, in, func(r *http.Request) { r.ContentLength = length })
			if r.StatusCode != 408 {
				t.Errorf("HTTP/2: got %s", r.Status)
			}
			two.await(t, "sends it too slowly")
		})
	}
}

// trickle writes a byte every few milliseconds until it fails.
func trickle(w io.Writer) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := w.Write([]byte("a")); err != nil {
			return
		}
	}
}

// TestStreamsAreBounded: the server tells the client how many requests a
// connection of HTTP/2 may have at a time.
func TestStreamsAreBounded(t *testing.T) {
	s := start(t, Options{App: hello{}})
	c := send(t, s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	head := make([]byte, 9)
	if _, err := io.ReadFull(c, head); err != nil || head[3] != 4 {
		t.Fatalf("frame %v, %v: want SETTINGS", head, err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c, settings); err != nil {
		t.Fatal(err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		if settings[0] == 0 && settings[1] == 3 {
			if n := int(settings[4])<<8 | int(settings[5]); n != 100 {
				t.Errorf("%d streams", n)
			}
			return
		}
	}
	t.Error("no bound of streams")
}
