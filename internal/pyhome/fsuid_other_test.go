//go:build !linux

package pyhome

func setFileAccess(int) {}
