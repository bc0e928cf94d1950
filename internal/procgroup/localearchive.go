package procgroup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// installedLocales names the locales of a directory: its subdirectories, and
// what its archive holds. A directory that does not exist holds none.
func installedLocales(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for locales: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if _, err := os.Stat(filepath.Join(dir, entry.Name(), "LC_CTYPE")); err == nil {
			names = append(names, entry.Name())
		}
	}
	archived, err := archivedLocales(filepath.Join(dir, "locale-archive"))
	return append(names, archived...), err
}

// archiveHead is how a locale archive of the C library begins. Offsets count
// from the beginning of the file, sizes of tables in entries.
type archiveHead struct {
	Magic, Serial                           uint32
	NamesOffset, NamesUsed, NamesSize       uint32
	StringsOffset, StringsUsed, StringsSize uint32
	RecordsOffset, RecordsUsed, RecordsSize uint32
	SumHashOffset, SumHashUsed, SumHashSize uint32
}

// archiveName is an entry of its table of names; unused ones have no record.
type archiveName struct{ Hash, NameOffset, RecordOffset uint32 }

const (
	archiveMagic = 0xde020109
	maxLocales   = 1 << 16 // entries, to believe an archive
	maxNames     = 1 << 22 // bytes of names, likewise
)

// archivedLocales reads the names in an archive; none if it does not exist.
func archivedLocales(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read locales: %w", err)
	}
	defer f.Close()
	names, err := readArchive(f)
	if err != nil {
		return nil, fmt.Errorf("read locales: %s: %w", path, err)
	}
	return names, nil
}

func readArchive(r io.ReaderAt) ([]string, error) {
	var head archiveHead
	section := func(offset, size uint32) io.Reader { return io.NewSectionReader(r, int64(offset), int64(size)) }
	if err := binary.Read(section(0, 4096), binary.NativeEndian, &head); err != nil {
		return nil, err
	}
	if head.Magic != archiveMagic || head.NamesSize > maxLocales || head.StringsUsed > maxNames {
		return nil, errors.New("not a locale archive")
	}
	table := make([]archiveName, head.NamesSize)
	if err := binary.Read(section(head.NamesOffset, head.NamesSize*12), binary.NativeEndian, table); err != nil {
		return nil, err
	}
	texts := make([]byte, head.StringsUsed)
	if _, err := r.ReadAt(texts, int64(head.StringsOffset)); err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range table {
		if at := int64(entry.NameOffset) - int64(head.StringsOffset); entry.RecordOffset != 0 && at >= 0 && at < int64(len(texts)) {
			name, _, _ := bytes.Cut(texts[at:], []byte{0})
			names = append(names, string(name))
		}
	}
	return names, nil
}
