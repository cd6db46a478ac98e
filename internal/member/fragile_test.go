// SPDX-License-Identifier: Apache-2.0

package member

import "testing"

func TestServersThatACancelledReadCrashesAreKnown(t *testing.T) {
	for version, want := range map[string]bool{
		"3.4.13": false, "3.4.14": true, "3.4.22": true, "3.4.23": false,
		"3.5.0": true, "3.5.0-rc.1": true, "3.5.6": true, "3.5.7": false, "3.5.33": false,
		"3.6.0": false, "3.7.3": false, "4.5.0": false, "": false, "unknown": false,
	} {
		if got := fragile(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}
