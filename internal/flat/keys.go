package flat

// Key is the index of a well-known environ key in Keys. The C side holds one
// interned string object per index, so that no key is decoded per request.
type Key uint16

// literal in the key field of an entry says that the key's text follows.
const literal = 0xFFFF

// The keys that AppendEnviron sets by name; the HTTP_* ones are reached
// through headerKeys.
const (
	keyNone Key = iota
	keyRequestMethod
	keyRequestURI
	keyQueryString
	keyScriptName
	keyPathInfo
	keyServerProtocol
	keyServerName
	keyServerPort
	keyServerAddr
	keyRemoteAddr
	keyRemotePort
	keyRequestScheme
	keyURLScheme
	keyModScriptName
	keyModPathInfo
	keyModListenerHost
	keyModListenerPort
	keyModRequestID
	keyContentType
	keyContentLength
	keyHTTPHost
	keyTransferEncoding
	firstHeaderKey
)

// Keys lists the text of every Key; index 0 is unused.
var Keys = append([]string{
	keyNone:            "",
	keyRequestMethod:   "REQUEST_METHOD",
	keyRequestURI:      "REQUEST_URI",
	keyQueryString:     "QUERY_STRING",
	keyScriptName:      "SCRIPT_NAME",
	keyPathInfo:        "PATH_INFO",
	keyServerProtocol:  "SERVER_PROTOCOL",
	keyServerName:      "SERVER_NAME",
	keyServerPort:      "SERVER_PORT",
	keyServerAddr:      "SERVER_ADDR",
	keyRemoteAddr:      "REMOTE_ADDR",
	keyRemotePort:      "REMOTE_PORT",
	keyRequestScheme:   "REQUEST_SCHEME",
	keyURLScheme:       "wsgi.url_scheme",
	keyModScriptName:   "mod_wsgi.script_name",
	keyModPathInfo:     "mod_wsgi.path_info",
	keyModListenerHost: "mod_wsgi.listener_host",
	keyModListenerPort: "mod_wsgi.listener_port",
	keyModRequestID:    "mod_wsgi.request_id",
	keyContentType:     "CONTENT_TYPE",
	keyContentLength:   "CONTENT_LENGTH",
	keyHTTPHost:        "HTTP_HOST",

	keyTransferEncoding: "HTTP_TRANSFER_ENCODING",
}, headerKeyNames()...)

// knownHeaders are request headers common enough to have a Key.
var knownHeaders = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Accept-Datetime",
	"Access-Control-Request-Headers", "Access-Control-Request-Method",
	"Authorization", "Cache-Control", "Connection", "Content-Disposition",
	"Content-Encoding", "Content-Language", "Content-Location", "Content-Md5",
	"Content-Range", "Cookie", "Date", "Depth", "Destination", "Device-Memory",
	"Dnt", "Downlink", "Early-Data", "Ect", "Expect", "Forwarded", "From",
	"Http2-Settings", "If", "If-Match", "If-Modified-Since", "If-None-Match",
	"If-Range", "If-Unmodified-Since", "Keep-Alive", "Last-Event-Id", "Link",
	"Lock-Token", "Max-Forwards", "Origin", "Overwrite", "Ping-From", "Ping-To",
	"Pragma", "Prefer", "Priority", "Purpose", "Range", "Referer", "Rtt",
	"Save-Data", "Sec-Ch-Ua", "Sec-Ch-Ua-Arch", "Sec-Ch-Ua-Bitness",
	"Sec-Ch-Ua-Full-Version-List", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Model",
	"Sec-Ch-Ua-Platform", "Sec-Ch-Ua-Platform-Version", "Sec-Fetch-Dest",
	"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Gpc", "Sec-Purpose",
	"Service-Worker", "Slug", "Soapaction", "Te", "Timeout", "Trailer", "Traceparent",
	"Tracestate", "Baggage", "Upgrade", "Upgrade-Insecure-Requests", "User-Agent",
	"Via", "Viewport-Width", "Want-Digest", "Warning", "Width", "X-Amzn-Trace-Id",
	"X-Api-Key", "X-Auth-Token", "X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid",
	"X-Client-Ip", "X-Cloud-Trace-Context", "X-Correlation-Id", "X-Csrf-Token",
	"X-Csrftoken", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Https",
	"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto",
	"X-Forwarded-Scheme", "X-Forwarded-Script-Name", "X-Forwarded-Server",
	"X-Forwarded-Ssl", "X-Host", "X-Http-Method-Override", "X-Https",
	"X-Original-Url", "X-Real-Ip", "X-Request-Id", "X-Request-Start",
	"X-Requested-With", "X-Scheme", "X-Script-Name", "X-Xsrf-Token",
}

// headerKeys maps the canonical name of a header to its Key.
var headerKeys = indexHeaders()

func headerKeyNames() []string {
	names := make([]string, len(knownHeaders))
	for i, h := range knownHeaders {
		names[i] = string(appendHeaderKey(nil, h))
	}
	return names
}

func indexHeaders() map[string]Key {
	m := make(map[string]Key, len(knownHeaders)+2)
	for i, h := range knownHeaders {
		m[h] = firstHeaderKey + Key(i)
	}
	m["Content-Type"] = keyContentType
	m["Content-Length"] = keyContentLength
	return m
}

// appendHeaderKey appends the environ key of the header name (PEP 3333,
// "environ Variables"): upper case, "-" becomes "_", prefixed with HTTP_.
func appendHeaderKey(dst []byte, name string) []byte {
	dst = append(dst, "HTTP_"...)
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
