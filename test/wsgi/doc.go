// Package wsgi holds the tests of how WSGI applications are hosted. Each
// behaviour is one case in testdata, run over every CPython that can be
// embedded on this machine, in every mode there is, alone and by many clients
// at once. It knows packages front and python from the outside only.
package wsgi
