package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// serve runs a server process: it answers HTTP and gives requests to the
// daemons that the parent tells it of, or to applications of its own.
func (r *role) serve() int {
	setCollector()
	if !r.plan.Embedded() {
		leaveProcessors()
	}
	holdServerSignals()
	orders := newServerOrders(r)
	if err := r.prepareServer(orders); err != nil {
		return r.fail(err)
	}
	stop, cancel := context.WithCancel(context.Background())
	defer cancel()
	orders.stop = cancel
	heard := make(chan struct{})
	go func() { defer close(heard); orders.hear() }()
	if err := r.in.Control().Send(wire.Ready, wire.Readiness{}); err != nil {
		return statusFailure
	}
	select {
	case <-orders.serve:
	case <-stop.Done(): // before it was to accept anything
	}
	if err := r.answer(stop, orders); err != nil {
		r.log(logs.Error, "%v", err)
		return statusFailure
	}
	return statusOK
}

// answer answers requests until stop is done, and ends everything in order.
func (r *role) answer(stop context.Context, orders *serverOrders) error {
	if stop.Err() != nil {
		return errors.Join(r.listener.Close(), orders.Close(context.Background()))
	}
	graceful, shutdown := r.times()
	return server.Run(stop, context.Background(), server.Options{
		Listener: r.listener, Front: r.front, Host: orders, Log: r.logs.errors,
		Graceful: graceful, Shutdown: shutdown,
	})
}

// takeOver makes a listener of the listening socket, and closes the file.
func takeOver(socket *os.File, foreign bool) (*listen.Listener, error) {
	l, err := net.FileListener(socket)
	if err = errors.Join(err, socket.Close()); err != nil {
		return nil, fmt.Errorf("take over the listening socket: %w", err)
	}
	own := listen.New(l.(*net.TCPListener))
	own.Foreign = foreign
	return own, nil
}

// holdServerSignals makes that only the parent ends a server. The signals are
// caught and dropped: programs that embedded applications start would inherit
// it if they were ignored.
func holdServerSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT)
}

// prepareServer drops rights and makes ready to answer.
func (r *role) prepareServer(orders *serverOrders) (err error) {
	if r.listener, err = takeOver(r.in.Files()[fileMain], r.settings.ForeignSocket); err != nil {
		return err
	}
	if err := account.BecomeHidden(r.account); err != nil {
		return err
	}
	if err := r.dieWithParent(); err != nil {
		return err
	}
	if r.plan.Embedded() {
		if err := r.embed(context.Background()); err != nil {
			return err
		}
	}
	for i := range r.plan.Groups {
		g := &r.plan.Groups[i]
		orders.groups[g.Name] = orders.newProcessGroup(g)
	}
	apps, err := orders.applications()
	if err != nil {
		return err
	}
	r.front, err = r.newFront(apps)
	return err
}
