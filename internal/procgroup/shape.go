package procgroup

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// shape is which values an option takes, in words, and how they are stored.
type shape struct {
	metavar string // as help texts name the value
	values  string // the values there are
	set     func(o *Options, value string) error
}

var errEmpty = errors.New("the value is empty")

// excuse is a reason for which mod_wsgi has a sentence of its own.
type excuse struct {
	text string // with its full stop
	err  error
}

func (e *excuse) Error() string { return e.err.Error() }
func (e *excuse) Unwrap() error { return e.err }

// whole reads a whole number of a range strictly: digits, and a minus sign
// where negative numbers are allowed.
func whole(value string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrSyntax) || strings.HasPrefix(value, "+"):
		return 0, fmt.Errorf("%q is not a whole number; it can be %s", value, span(low, high))
	case err != nil || n < low || n > high:
		return 0, fmt.Errorf("%s is out of range; it can be %s", value, span(low, high))
	}
	return n, nil
}

func span(low, high int64) string {
	return fmt.Sprintf("%d to %d", low, high)
}

// count takes a whole number.
func count(low, high int64, field func(*Options) *int) shape {
	return shape{"N", span(low, high), func(o *Options, value string) error {
		n, err := whole(value, low, high)
		if err == nil {
			*field(o) = int(n)
		}
		return err
	}}
}

// duration takes a whole number of units, without a unit behind it.
func duration(metavar string, unit time.Duration, field func(*Options) *time.Duration) shape {
	words := strings.ToLower(metavar)
	return shape{metavar, "whole " + words, func(o *Options, value string) error {
		n, err := whole(value, 0, math.MaxInt32)
		if meant, parseErr := time.ParseDuration(value); err != nil && parseErr == nil && meant > 0 && meant%unit == 0 {
			return fmt.Errorf("%q is not a number of %s; did you mean %d?", value, words, meant/unit)
		}
		if err == nil {
			*field(o) = time.Duration(n) * unit
		}
		return err
	}}
}

func seconds(field func(*Options) *time.Duration) shape {
	return duration("SECONDS", time.Second, field)
}

// limit takes seconds, of which 0 is no limit.
func limit(field func(*Options) *timeout.Limit) shape {
	return seconds(func(o *Options) *time.Duration { return (*time.Duration)(field(o)) })
}

func milliseconds(field func(*Options) *time.Duration) shape {
	return duration("MILLISECONDS", time.Millisecond, field)
}

// switchInterval takes seconds with a fraction.
func switchInterval(o *Options, value string) error {
	n, err := strconv.ParseFloat(value, 64)
	if strings.Trim(value, "0123456789.eE-") != "" || errors.Is(err, strconv.ErrSyntax) {
		return fmt.Errorf("%q is not a number of seconds, such as 0.005", value)
	}
	if err != nil || n <= 0 {
		return fmt.Errorf("%s is out of range; it is a number of seconds above 0, such as 0.005", value)
	}
	o.SwitchInterval = n
	return nil
}

// mask takes an octal file mode mask.
func mask(o *Options, value string) error {
	n, err := strconv.ParseUint(value, 8, 32)
	if err != nil || n > 0o777 || strings.ContainsAny(value, "+_") {
		return fmt.Errorf("%q is not an octal number from 0 to 0777, such as 0022", value)
	}
	o.Umask = new(uint32(n))
	return nil
}

// directory takes an absolute path.
func directory(field func(*Options) *string) shape {
	return shape{"DIR", "absolute path", func(o *Options, value string) error {
		if !filepath.IsAbs(value) {
			return fmt.Errorf("%q is not an absolute path", value)
		}
		*field(o) = filepath.Clean(value)
		return nil
	}}
}

// text takes anything.
func text(metavar, values string, field func(*Options) *string) shape {
	return shape{metavar, values, func(o *Options, value string) error {
		*field(o) = value
		return nil
	}}
}

// pathList takes paths separated by colons.
func pathList(o *Options, value string) error {
	paths := strings.Split(value, ":")
	for _, path := range paths {
		if path == "" {
			return fmt.Errorf("%q has an empty path; paths are separated by one colon", value)
		}
	}
	o.PythonPath = paths
	return nil
}

const onOffValues = "On|Off"

// onOff takes the words of Apache's flags.
func onOff(field func(*Options) *bool) shape {
	return shape{onOffValues, "On or Off", func(o *Options, value string) error {
		switch strings.ToLower(value) {
		case "on":
			*field(o) = true
		case "off":
			*field(o) = false
		default:
			return fmt.Errorf("%q is neither On nor Off", value)
		}
		return nil
	}}
}

// processes also notes that the option was mentioned.
func processes() shape {
	s := count(1, math.MaxInt32, func(o *Options) *int { return &o.Processes })
	number := s.set
	s.set = func(o *Options, value string) error {
		err := number(o, value)
		o.Multiprocess = o.Multiprocess || err == nil
		return err
	}
	return s
}
