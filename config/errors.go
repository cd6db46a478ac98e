// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strings"
)

// ErrInvalid says that a configuration has a fault, which the error names. errors.Is finds it in the errors of [FromEnv], [Parse],
// [Spec.Options], [Spec.UnmarshalJSON] and [SRV].
var ErrInvalid = errors.New("config: invalid configuration")

// faults collects what is wrong with a configuration. Nothing in it may be a secret, so no fault has the content of a setting.
type faults []string

// add adds a fault of a setting.
func (f *faults) add(name, problem string) { *f = append(*f, name+": "+problem) }

// err returns one error for all faults, or nil if there is none.
func (f faults) err(source string) error {
	if len(f) == 0 {
		return nil
	}
	return &invalid{source + ": " + strings.Join(f, "; ")}
}

type invalid struct{ text string }

func (e *invalid) Error() string        { return "config: " + e.text }
func (e *invalid) Is(target error) bool { return target == ErrInvalid }
