// SPDX-License-Identifier: Apache-2.0

package member

import "fmt"

// fragile reports whether a server of a version may crash when a transaction that only reads is cancelled. Those of 3.5.0 to 3.5.6
// do (etcd #14110, #14891). So may those of 3.4.14 to 3.4.22, whose last fix is of 3.4.23. A server of unknown version counts as one
// that does not.
func fragile(version string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 || major != 3 {
		return false
	}
	switch minor {
	case 4:
		return patch > 13 && patch < 23
	case 5:
		return patch < 7
	default:
		return false
	}
}
