// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestPageTellsWhatIsFrozenWaitsOrLags(t *testing.T) {
	o := begin(t)
	tells(t, o, func() []byte { return o.get(t, "") })
}

// tells checks that a page tells the outage. It looks again for a while, because on a busy machine the other members may freeze for a
// moment too.
func tells(t *testing.T, o outage, load func() []byte) {
	t.Helper()
	for began := time.Now(); ; {
		err := o.toldBy(load())
		if err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
}

// toldBy returns what a page does not tell of the outage, under the right headings.
func (o outage) toldBy(page []byte) error {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err
	}
	var missing []error
	said := sections(root)
	for _, want := range []struct {
		section string
		texts   []string // in one item
	}{
		{"Needs attention", []string{"Frozen", "endpoint", o.frozen, "registry"}},
		{"Needs attention", []string{"lagging", "watch", prefix + "…", "registry"}},
		{"Endpoints", []string{o.frozen, "Frozen", "for ", "reconnects", "no answer within "}},
		{"Watches", []string{prefix + "…", "lagging", "on 127.0.0.1:", "of 256.0 KiB wait for its reader", "its reader is slower"}},
		{"Watches", []string{"config/…", "in step"}},
		{"Leases", []string{"left", "valid for ", "renewed "}},
		{"Locks and elections", []string{lockName, "waiting", "lock", "for ", "waits for " + o.ahead + " (created at revision "}},
		{"Locks and elections", []string{lockName, "held", "lock"}},
		{"Tables", []string{"config/…", "in step"}},
		{"Presences", []string{"services/report/a", "present"}},
	} {
		if !slices.ContainsFunc(said[want.section], func(item string) bool {
			return !slices.ContainsFunc(want.texts, func(text string) bool { return !strings.Contains(item, text) })
		}) {
			missing = append(missing, fmt.Errorf("under %q nothing says %q: %q", want.section, want.texts, said[want.section]))
		}
	}
	return errors.Join(missing...)
}

// sections returns the text of the items under each heading.
func sections(root *html.Node) map[string][]string {
	said, heading := map[string][]string{}, ""
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "h2" || n.Data == "h3":
			heading = strings.TrimSpace(textOf(n.FirstChild))
		case n.Data == "li":
			said[heading] = append(said[heading], textOf(n))
		}
	}
	return said
}

// textOf returns the text of a node, with single spaces.
func textOf(of *html.Node) string {
	if of.Type == html.TextNode {
		return of.Data
	}
	var text []string
	for n := range of.Descendants() {
		if n.Type == html.TextNode {
			text = append(text, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(text, " ")
}
