// Package ringtest is the daemon's side of the memory of package ring, for
// tests: threads that take requests and give them to a function. It follows the
// same rules as the C side, written to be read. It knows the layout, and shares
// no code with the server's side, so that each checks the other.
package ringtest

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Daemon is a process that serves requests: a few goroutines of the test's.
type Daemon struct {
	mem     []byte
	event   int
	handler func(*Request)

	slots, cells, environ     uint32
	attention, cellsAt, first int
	stride                    int

	threads  sync.WaitGroup
	stopping atomic.Bool

	life sync.RWMutex // held, to read, by each step that touches the memory
	dead bool
}

// Start maps a region, of which it copies the files, and serves requests with
// this many threads. The handler runs on the thread of its request; if it
// returns without Done, the request has failed. The caller ends it with Stop,
// perhaps after Kill.
func Start(memory, event *os.File, threads int, handler func(*Request)) (*Daemon, error) {
	info, err := memory.Stat()
	if err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(memory.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map region: %w", err)
	}
	if m := binary.LittleEndian.Uint64(mem); m != magic {
		return nil, fmt.Errorf("map region: magic %#x", m)
	}
	fd, err := unix.FcntlInt(event.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("copy eventfd: %w", err)
	}
	d := &Daemon{mem: mem, event: fd, handler: handler}
	d.slots, d.cells, d.environ = *d.at(atSlots), *d.at(atCells), *d.at(atEnviron)
	d.attention = pageSize
	d.cellsAt = d.attention + 8*int((d.slots+63)/64)
	d.first = (d.cellsAt + 8*int(d.cells) + pageSize - 1) / pageSize * pageSize
	d.stride = pageSize + int(d.environ) + 6*PieceSize
	for range threads {
		atomic.AddUint32(d.at(atRunning), 1)
		d.threads.Go(d.thread)
	}
	return d, nil
}

func (d *Daemon) at(position int) *uint32     { return (*uint32)(unsafe.Pointer(&d.mem[position])) }
func (d *Daemon) longAt(position int) *uint64 { return (*uint64)(unsafe.Pointer(&d.mem[position])) }

// Computing says that requests compute and hardly wait.
func (d *Daemon) Computing(yes bool) {
	v := uint32(0)
	if yes {
		v = 1
	}
	atomic.StoreUint32(d.at(atComputing), v)
}

// Stop waits for the threads, which take no more requests, and unmaps the
// memory. Handlers have to return.
func (d *Daemon) Stop() {
	d.stopping.Store(true)
	d.rouse()
	d.threads.Wait()
	_ = unix.Munmap(d.mem)
	_ = unix.Close(d.event)
}

// Kill is the death of the process: when it returns, nothing of the daemon
// touches the memory any more. Stop is still to be called.
func (d *Daemon) Kill() {
	d.stopping.Store(true)
	d.life.Lock()
	d.dead = true
	d.life.Unlock()
	d.rouse()
}

// rouse makes all threads look at stopping.
func (d *Daemon) rouse() {
	ring := func(bell *uint32) {
		atomic.AddUint32(bell, 1)
		futex(bell, futexWake, 1<<30)
	}
	ring(d.at(atBell))
	for i := range int(d.slots) {
		ring(d.at(d.first + i*d.stride + atSlotBell))
	}
}

// step runs a piece of the daemon's work, or ends the thread of a dead one.
func (d *Daemon) step(work func()) {
	d.life.RLock()
	defer d.life.RUnlock()
	if d.dead {
		runtime.Goexit()
	}
	work()
}

func (d *Daemon) thread() {
	for !d.stopping.Load() {
		if q := d.take(); q != nil {
			d.handler(q)
			if !q.over {
				q.Done(Outcome{Kind: Failed})
			}
			continue
		}
		d.sleep()
	}
}

// take takes the oldest request that is still queued.
func (d *Daemon) take() (q *Request) {
	d.step(func() {
		for q == nil {
			head := atomic.LoadUint32(d.at(atHead))
			if head == atomic.LoadUint32(d.at(atTail)) {
				return
			}
			cell := atomic.LoadUint64(d.longAt(d.cellsAt + 8*int(head&(d.cells-1))))
			if !atomic.CompareAndSwapUint32(d.at(atHead), head, head+1) {
				continue // another thread has it
			}
			index, word := int(uint32(cell)), uint32(cell>>32)
			state := d.at(d.first + index*d.stride + atState)
			// One that was taken back has another word by now.
			if atomic.CompareAndSwapUint32(state, word, word-queued+running) {
				q = newRequest(d, index, word>>stateBits)
			}
		}
	})
	return q
}

// sleep returns when the server rings; at once if it has pushed something that
// this thread had not seen when it counted itself as a sleeper.
func (d *Daemon) sleep() {
	var bell uint32
	empty := false
	d.step(func() {
		bell = atomic.LoadUint32(d.at(atBell))
		atomic.AddUint32(d.at(atRunning), ^uint32(0))
		atomic.AddUint32(d.at(atSleepers), 1)
		empty = atomic.LoadUint32(d.at(atHead)) == atomic.LoadUint32(d.at(atTail))
	})
	if empty && !d.stopping.Load() {
		futex(d.at(atBell), futexWait, bell)
	}
	d.step(func() {
		atomic.AddUint32(d.at(atSleepers), ^uint32(0))
		atomic.AddUint32(d.at(atRunning), 1)
	})
}

// announce tells the server to look at a slot, after a change of it.
func (d *Daemon) announce(index int) {
	bit := uint64(1) << (index % 64)
	atomic.OrUint64(d.longAt(d.attention+8*(index/64)), bit)
	asleep := d.at(atAsleep)
	if atomic.LoadUint32(asleep) == 1 && atomic.CompareAndSwapUint32(asleep, 1, 0) {
		_, _ = unix.Write(d.event, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

const (
	futexWait = 0
	futexWake = 1
)

func futex(word *uint32, op int, value uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), uintptr(op), uintptr(value), 0, 0, 0)
}
