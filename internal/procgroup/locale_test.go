package procgroup

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// locales makes a directory of locales: some by themselves, some in an archive.
func locales(t *testing.T, loose, archived []string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range loose {
		writeFile(t, filepath.Join(dir, name, "LC_CTYPE"), nil)
	}
	if archived != nil {
		writeFile(t, filepath.Join(dir, "locale-archive"), archive(archived))
	}
	return dir
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// archive is a locale archive as localedef makes it, without the locales: a
// table of names with unused entries, and the names behind it.
func archive(names []string) []byte {
	const headSize = 56
	table := make([]archiveName, 2*len(names)+1)
	texts := []byte{}
	textsAt := uint32(headSize + 12*len(table))
	for i, name := range names {
		table[2*i+1] = archiveName{Hash: uint32(i), NameOffset: textsAt + uint32(len(texts)), RecordOffset: 4096}
		texts = append(append(texts, name...), 0)
	}
	head := archiveHead{Magic: archiveMagic, NamesOffset: headSize, NamesUsed: uint32(len(names)), NamesSize: uint32(len(table)),
		StringsOffset: textsAt, StringsUsed: uint32(len(texts)), StringsSize: uint32(len(texts))}
	var b bytes.Buffer
	for _, part := range []any{head, table, texts} {
		if err := binary.Write(&b, binary.NativeEndian, part); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestFindLocale(t *testing.T) {
	dir := locales(t, []string{"C.utf8", "fr_FR.iso88591"}, []string{"de_DE.utf8", "de_DE.utf8@euro", "en_US"})
	for _, name := range []string{"C", "POSIX", "C.UTF-8", "C.utf8", "de_DE.UTF-8", "de_DE.utf8", "de_DE.Utf-8@euro", "en_US", "fr_FR.ISO-8859-1", "fr_FR.8859-1"} {
		if err := findLocale(name, dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"de_de.UTF-8", "de_DE", "de_DE.utf8@Euro", "en_US.UTF-8", "c", "de_DE.utf8@", "xx_XX"} {
		if err := findLocale(name, dir); err == nil {
			t.Errorf("%s was found", name)
		}
	}
	const want = `this system has no locale "de_DE.UTF-9", it has C, C.UTF-8, POSIX, de_DE.utf8, de_DE.utf8@euro, en_US, fr_FR.iso88591; did you mean de_DE.utf8?`
	if err := findLocale("de_DE.UTF-9", dir); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestLocalesOfABareSystem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	for _, name := range []string{"C", "POSIX", "C.UTF-8"} {
		if err := findLocale(name, dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const want = `this system has no locale "tlh", it has C, C.UTF-8, POSIX; install it or name another`
	if err := findLocale("tlh", dir); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestManyLocales(t *testing.T) {
	var names []string
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, strings.Repeat(string(c), 2))
	}
	err := findLocale("QQQQQQ", locales(t, nil, names))
	if err == nil || !strings.Contains(err.Error(), ", qq and 9 more; install it") {
		t.Errorf("got %v", err)
	}
}

func TestBrokenArchives(t *testing.T) {
	whole := archive([]string{"de_DE.utf8", "en_US.utf8"})
	for length := range whole {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "locale-archive"), whole[:length])
		if err := findLocale("en_US.UTF-8", dir); err == nil || !strings.Contains(err.Error(), "locale-archive: ") {
			t.Fatalf("an archive of %d bytes: %v", length, err)
		}
	}
	for at := range 56 { // a head of other numbers: an error or other names, but no crash
		broken := bytes.Clone(whole)
		broken[at] ^= 0xff
		_, _ = readArchive(bytes.NewReader(broken))
	}
	for _, at := range []int{0, 19, 27} { // magic, the high bytes of two sizes
		broken := bytes.Clone(whole)
		broken[at] ^= 0xff
		if _, err := readArchive(bytes.NewReader(broken)); err == nil {
			t.Errorf("byte %d was wrong and is not missed", at)
		}
	}
}

// TestLocaleOption asks this system for one it cannot have.
func TestLocaleOption(t *testing.T) {
	for option, thing := range map[string]string{"lang": "language", "locale": "locale"} {
		_, err := Parse("a", []string{option + "=tlh_QO.UTF-8"})
		want := "Invalid " + thing + " for WSGI daemon process. " + option + `=tlh_QO.UTF-8: this system has no locale "tlh_QO.UTF-8", it has C, `
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}
