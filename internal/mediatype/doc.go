// Package mediatype knows which media type a file has, by the extension of its
// name: from a table of its own, and from the system's list in the format of
// Apache's TypesConfig. It knows nothing of the contents of files, nor of HTTP.
package mediatype
