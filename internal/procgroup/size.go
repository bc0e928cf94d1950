package procgroup

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes: digits, with K, M or G behind them for
// multiples of 1024.
func ParseSize(value string) (int64, error) {
	digits, shift := value, 0
	if n := len(value); n > 0 {
		if at := strings.IndexByte("KMG", value[n-1]&^0x20); at >= 0 {
			digits, shift = value[:n-1], 10*(at+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, notASize(value)
	case err != nil || bits.Len64(n)+shift > 63:
		return 0, fmt.Errorf("%s is out of range; it can be up to %d bytes", value, int64(math.MaxInt64))
	}
	return int64(n) << shift, nil
}

func notASize(value string) error {
	upper := strings.ToUpper(value)
	for _, unit := range []string{"IB", "B"} {
		meant, has := strings.CutSuffix(upper, unit)
		if !has {
			continue
		}
		if _, err := ParseSize(meant); err == nil {
			return fmt.Errorf("%q is not a size; did you mean %s?", value, meant)
		}
	}
	return fmt.Errorf("%q is not a size; it is a number of bytes, or one with K, M or G behind it", value)
}

const sizeValues = "bytes, or with K, M, G"

// size takes bytes; 0 for no limit.
func size(field func(*Options) *int64) shape {
	return shape{"SIZE", sizeValues, func(o *Options, value string) error {
		n, err := ParseSize(value)
		if err == nil {
			*field(o) = n
		}
		return err
	}}
}

// leastStack is what POSIX threads of Linux need.
const leastStack = 16384

func stackSize(o *Options, value string) error {
	n, err := ParseSize(value)
	if err == nil && n < leastStack {
		err = fmt.Errorf("%s is out of range; a thread needs at least %d bytes", value, leastStack)
	}
	if err == nil {
		o.StackSize = n
	}
	return err
}

// buffer takes 0, which stands for standard, or a size of at least least.
func buffer(name string, least, standard int, field func(*Options) *int) shape {
	owner := "default"
	if standard == 0 {
		owner = "system default"
	}
	values := fmt.Sprintf("0 or at least %d; %s", least, sizeValues)
	return shape{"SIZE", values, func(o *Options, value string) error {
		n, err := ParseSize(value)
		switch {
		case err != nil:
			return err
		case n == 0:
			n = int64(standard)
		case n < int64(least):
			return &excuse{fmt.Sprintf("%s must be >= %d bytes, or 0 for %s.", name, least, owner),
				fmt.Errorf("%s is out of range; it can be 0, or %d or more", value, least)}
		case n > math.MaxInt32:
			return fmt.Errorf("%s is out of range; it can be up to %d bytes", value, math.MaxInt32)
		}
		*field(o) = int(n)
		return nil
	}}
}
