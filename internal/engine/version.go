// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"
)

// Punctual reports whether servers of a version answer a progress request only after every event up to the revision of the
// answer. Those before 3.4.25 and 3.5.8 answer at once, with the revision of their store.
func Punctual(version string) bool {
	return since(version, 25, 8)
}

// Lossy reports whether servers of a version lose deletions: a compaction removes those at its own revision, though the history
// from that revision on can still be watched. Those before 3.4.34 and 3.5.16 do. A server of unknown version counts as one that
// does not.
func Lossy(version string) bool {
	return strings.HasPrefix(version, "3.") && !since(version, 34, 16)
}

// since reports whether a version is at least 3.4.patch4 or 3.5.patch5, or a later minor version.
func since(version string, patch4, patch5 int) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 {
		return false
	}
	switch {
	case major != 3 || minor > 5:
		return major > 2
	case minor == 5:
		return patch >= patch5
	default:
		return minor == 4 && patch >= patch4
	}
}
