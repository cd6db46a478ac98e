// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"fmt"
	"time"
)

// of converts seconds of the document.
func of(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// span returns a time for a person: two units at most.
func span(d time.Duration) string {
	switch d = max(0, d); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// size returns a number of bytes for a person.
func size(bytes int) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
}

// count returns a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// text returns what keys are for a person.
func (k keys) text() string {
	switch {
	case k.Kind == "prefix":
		return k.Name + "…"
	case k.Name != "":
		return k.Name
	case k.Kind == "key":
		return "one key"
	case k.Kind == "all":
		return "all keys"
	case k.Kind == "from":
		return "all keys from one on"
	default:
		return "a range of keys"
	}
}
