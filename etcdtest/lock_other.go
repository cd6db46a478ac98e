// SPDX-License-Identifier: Apache-2.0

//go:build !unix || solaris || illumos || aix

package etcdtest

import "context"

// lockFile does nothing here. Two processes may build the same version at once. Each one puts a complete binary in
// place.
func lockFile(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}
