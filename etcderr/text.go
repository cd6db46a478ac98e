// SPDX-License-Identifier: Apache-2.0

package etcderr

import "github.com/eetcd-go/eetcd/internal/tell"

// excerptMax bounds what an error tells of a text that is not ours, in runes. A proxy may answer with a page.
const excerptMax = 300

// excerpt is the beginning of a text, in one line.
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
