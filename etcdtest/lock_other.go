// SPDX-License-Identifier: Apache-2.0

//go:build !unix || solaris || illumos || aix

package etcdtest

import "context"

// lockFile does nothing here. Two processes may then build the same version at once; each puts a whole
// binary into place.
func lockFile(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}
