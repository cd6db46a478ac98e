// SPDX-License-Identifier: Apache-2.0

package engine

import "fmt"

// Punctual reports whether servers of a version answer a progress request only after every event up to the revision of the
// answer. Those before 3.4.25 and 3.5.8 answer at once, with the revision of their store.
func Punctual(version string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 {
		return false
	}
	switch {
	case major != 3 || minor > 5:
		return major > 2
	case minor == 5:
		return patch >= 8
	default:
		return minor == 4 && patch >= 25
	}
}
