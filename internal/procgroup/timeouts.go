package procgroup

import (
	"cmp"
	"time"
)

// SocketLimit returns how long server and process wait for each other's next
// data, where server is the server's own limit.
func (o *Options) SocketLimit(server time.Duration) time.Duration {
	return cmp.Or(o.SocketTimeout, server)
}

// ResponseLimit returns how long a client may take nothing of a response of the
// group, where server is the server's own limit.
func (o *Options) ResponseLimit(server time.Duration) time.Duration {
	return cmp.Or(o.ResponseSocketTimeout, o.SocketTimeout, server)
}
