// SPDX-License-Identifier: Apache-2.0

package etcderr

import "github.com/eetcd-go/eetcd/internal/tell"

// excerptMax limits how much of a foreign text an error shows, in runes. A proxy may answer with a whole page.
const excerptMax = 300

// excerpt returns the beginning of a text, in one line.
func excerpt(text string) string {
	text = tell.Line(text)
	n := 0
	for i := range text {
		if n++; n > excerptMax {
			return text[:i] + "…"
		}
	}
	return text
}
