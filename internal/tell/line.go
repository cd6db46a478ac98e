// SPDX-License-Identifier: Apache-2.0

// Package tell prepares the texts of others for errors and logs: in one line, and without secrets.
package tell

import "strings"

// Line returns a text without line breaks.
func Line(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	return strings.Join(strings.Fields(text), " ")
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
