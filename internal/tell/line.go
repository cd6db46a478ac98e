// SPDX-License-Identifier: Apache-2.0

// Package tell prepares the texts of others for errors and logs: in one line, and without secrets.
package tell

import (
	"strings"
	"unicode/utf8"
)

// Line returns a text without line breaks.
func Line(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	return strings.Join(strings.Fields(text), " ")
}

// shortMax is how many bytes of a text Short leaves.
const shortMax = 256

// Short returns the beginning of a long text, and a text of up to 256 bytes unchanged.
func Short(text string) string {
	if len(text) <= shortMax {
		return text
	}
	end := shortMax
	for end > shortMax-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Error returns err with a text of one line. errors.Is and errors.As find the same in it as in err. It returns nil
// for nil.
func Error(err error) error {
	if err == nil || !strings.ContainsAny(err.Error(), "\r\n") {
		return err
	}
	return &lined{err}
}

type lined struct{ err error }

func (l *lined) Error() string { return Line(l.err.Error()) }
func (l *lined) Unwrap() error { return l.err }
