package front

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// serveFile answers with a regular file. Validators and ranges are net/http's.
func (x *exchange) serveFile(name string) {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		x.options(allowed)
		return
	default:
		x.notAllowed()
		return
	}
	f, info, err := openRegular(name)
	if err != nil {
		x.noFile(err)
		return
	}
	if x.r.ProtoMajor == 2 {
		f.Close()
		x.sendFile(&visited{name: name, info: info}, info)
		return
	}
	defer f.Close()
	if !x.s.crowd.takeFile() {
		x.noFile(errManyFiles)
		return
	}
	defer x.s.crowd.giveFile()
	x.sendFile(f, info)
}

// noFile answers for a file that could not be opened.
func (x *exchange) noFile(err error) {
	if errors.Is(err, errNotRegular) {
		x.log(logs.Error, "access denied: "+err.Error())
		x.page(http.StatusForbidden)
		return
	}
	x.unavailable(dispatch.KindOf(err), err)
}

// unavailable answers for what the file system did not give.
func (x *exchange) unavailable(kind dispatch.Kind, err error) {
	switch kind {
	case dispatch.Forbidden:
		x.log(logs.Error, "access denied: "+err.Error())
		x.page(http.StatusForbidden)
	case dispatch.NotFound:
		x.log(logs.Info, "no such file: "+err.Error())
		x.page(http.StatusNotFound)
	case dispatch.Exhausted:
		x.log(logs.Error, "no file can be opened: "+err.Error()+": raise the limit of open files (ulimit -n, LimitNOFILE of systemd) or the memory")
		x.busy()
	default:
		x.log(logs.Error, "a file cannot be read: "+err.Error())
		x.page(http.StatusInternalServerError)
	}
}

var errNotRegular = errors.New("not a regular file")

func openRegular(name string) (*os.File, fs.FileInfo, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func (x *exchange) sendFile(f io.ReadSeeker, info fs.FileInfo) {
	header := x.w.Header()
	header["Etag"] = x.value(etag(info))
	// A nil entry keeps net/http from guessing a type from the content.
	header["Content-Type"] = nil
	if kind := x.s.o.Types.Type(info.Name()); kind != "" {
		header["Content-Type"] = x.value(kind)
	}
	if x.s.o.ServerHeader != "" {
		header["Server"] = x.value(x.s.o.ServerHeader)
	}
	w, r := &recorder{ResponseWriter: x.w, x: x}, x.r
	if x.head && r.Method != http.MethodHead { // after an internal redirect
		head := *r
		head.Method = http.MethodHead
		r = &head
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
}

// etag is a validator made as Apache makes it: size and time of change.
func etag(info fs.FileInfo) string {
	return `"` + strconv.FormatInt(info.Size(), 16) + "-" + strconv.FormatInt(info.ModTime().UnixMicro(), 16) + `"`
}
