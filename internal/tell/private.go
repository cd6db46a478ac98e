// SPDX-License-Identifier: Apache-2.0

package tell

import "errors"

// Private returns err as an error whose text may hold a secret. The callers of the user see that text. [Public] shows the other one.
func Private(err error, public string) error { return &private{err, public} }

type private struct {
	err    error
	public string
}

func (p *private) Error() string { return p.err.Error() }
func (p *private) Unwrap() error { return p.err }

// Public returns what a page may show of an error, in one line: its text or, if any part of it is [Private], only the public text of
// that part. It returns "" for nil.
func Public(err error) string {
	if err == nil {
		return ""
	}
	var p *private
	if errors.As(err, &p) {
		return p.public
	}
	return Line(err.Error())
}

// AsPrivate is errors.As for what is [Private] in err, and for nothing else.
func AsPrivate(err error, target any) bool {
	p, ok := target.(**private)
	return ok && errors.As(err, p)
}
