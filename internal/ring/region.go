package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEnviron bounds the environ area of a slot.
const maxEnviron = 16 << 20

// Region is a mapping of the shared memory. Its sizes are fixed; it may be used
// by any goroutine until Close.
type Region struct {
	mem  []byte
	file *os.File
	geometry
}

// geometry is what follows from the four sizes in the header.
type geometry struct {
	slots, cells, environ  int
	attention, ring, first int // positions of the areas
	stride                 int // bytes of a slot
}

func pages(n int) int { return (n + pageSize - 1) / pageSize * pageSize }

func layOut(slots, cells, environ int) geometry {
	g := geometry{slots: slots, cells: cells, environ: environ, attention: pageSize}
	g.ring = g.attention + 8*((slots+63)/64)
	g.first = pages(g.ring + 8*cells)
	g.stride = pageSize + environ + OutSize + 5*PieceSize
	return g
}

func (g *geometry) size() int { return g.first + g.slots*g.stride }

// cellsFor returns the capacity of the ring: a slot that is taken back and used
// again leaves a stale cell, so there are several for each.
func cellsFor(slots int) int {
	cells := 1
	for cells < 4*slots {
		cells *= 2
	}
	return cells
}

// Create makes a region with this many slots, each with room for environSize
// bytes of environ and the application group's name, rounded up to whole pages.
// Its memory is taken as it is used. It can be neither shrunk nor grown, so
// that no process can make another one fail that maps it. The caller closes it.
func Create(slots, environSize int) (*Region, error) {
	if slots < 1 || slots > MaxSlots {
		return nil, fmt.Errorf("create region: %d slots: not from 1 to %d", slots, MaxSlots)
	}
	if environSize < 1 || environSize > maxEnviron {
		return nil, fmt.Errorf("create region: %d bytes of environ: not from 1 to %d", environSize, maxEnviron)
	}
	g := layOut(slots, cellsFor(slots), pages(environSize))
	file, err := sealed(g.size())
	if err != nil {
		return nil, fmt.Errorf("create region of %d bytes: %w", g.size(), err)
	}
	r, err := mapFile(file, g)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	binary.LittleEndian.PutUint64(r.mem[atMagic:], magic)
	binary.LittleEndian.PutUint32(r.mem[atSlots:], uint32(g.slots))
	binary.LittleEndian.PutUint32(r.mem[atCells:], uint32(g.cells))
	binary.LittleEndian.PutUint32(r.mem[atEnviron:], uint32(g.environ))
	return r, nil
}

// sealed returns an anonymous file whose size cannot change.
func sealed(size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("gophersnake-ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "ring")
	if err := file.Truncate(int64(size)); err != nil {
		_ = file.Close()
		return nil, err
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("seal: %w", err)
	}
	return file, nil
}

// Map maps a region that another process has created; file belongs to the
// Region from then on. It is the daemon's way in: the header is believed, if it
// fits the file.
func Map(file *os.File) (*Region, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("map region: %w", err)
	}
	var header [pageSize]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("map region: read header: %w", err)
	}
	if m := binary.LittleEndian.Uint64(header[atMagic:]); m != magic {
		return nil, fmt.Errorf("map region: magic %#x: not %#x", m, uint64(magic))
	}
	slots := int(binary.LittleEndian.Uint32(header[atSlots:]))
	cells := int(binary.LittleEndian.Uint32(header[atCells:]))
	environ := int(binary.LittleEndian.Uint32(header[atEnviron:]))
	if slots < 1 || slots > MaxSlots || cells < slots || cells&(cells-1) != 0 || environ < 1 || environ > maxEnviron || environ%pageSize != 0 {
		return nil, fmt.Errorf("map region: %d slots, %d cells, %d bytes of environ: not a region's", slots, cells, environ)
	}
	g := layOut(slots, cells, environ)
	if int64(g.size()) != info.Size() {
		return nil, fmt.Errorf("map region: %d bytes: want %d", info.Size(), g.size())
	}
	return mapFile(file, g)
}

func mapFile(file *os.File, g geometry) (*Region, error) {
	mem, err := unix.Mmap(int(file.Fd()), 0, g.size(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map region of %d bytes: %w", g.size(), err)
	}
	// A process that an application forks is no party to it.
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil {
		return nil, errors.Join(fmt.Errorf("keep region from forked processes: %w", err), unix.Munmap(mem))
	}
	return &Region{mem: mem, file: file, geometry: g}, nil
}

// File returns the memory as a file, to be handed to the other process. It
// stays the Region's.
func (r *Region) File() *os.File { return r.file }

// Bytes returns the mapping, which ends with Close.
func (r *Region) Bytes() []byte { return r.mem }

// Slots returns the number of slots.
func (r *Region) Slots() int { return r.slots }

// Close unmaps the memory, which nobody may be using, and closes the file. It
// may be called again.
func (r *Region) Close() error {
	if r.mem == nil {
		return nil
	}
	err := unix.Munmap(r.mem)
	r.mem = nil
	if e := r.file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("close region: %w", err)
	}
	return nil
}

// word returns the 32-bit word at a position of the region.
func (r *Region) word(at int) *uint32 { return (*uint32)(unsafe.Pointer(&r.mem[at])) }

// long returns the 64-bit word at a position of the region.
func (r *Region) long(at int) *uint64 { return (*uint64)(unsafe.Pointer(&r.mem[at])) }

func (r *Region) load(at int) uint32     { return atomic.LoadUint32(r.word(at)) }
func (r *Region) store(at int, v uint32) { atomic.StoreUint32(r.word(at), v) }
