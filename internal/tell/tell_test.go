// SPDX-License-Identifier: Apache-2.0

package tell_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/internal/tell"
)

func TestEndedNamesTheCauseOfAContextInOneLine(t *testing.T) {
	lines := errors.New("shutting\ndown")
	for _, tt := range []struct {
		cause error
		want  string
	}{
		{nil, "context canceled"},
		{lines, "context canceled: shutting down"},
		{errors.Join(context.Canceled, lines), "context canceled shutting down"},
		{context.DeadlineExceeded, "context deadline exceeded"},
	} {
		parent, cancel := context.WithCancelCause(t.Context())
		cancel(tt.cause)
		err := tell.Ended(parent)
		if err.Error() != tt.want {
			t.Errorf("%q, want %q", err, tt.want)
		}
		if tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("%v is not %v", err, tt.cause)
		}
		if tt.cause != context.DeadlineExceeded && !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	}
}

func TestShortCutsLongTextsBetweenCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		strings.Repeat("x", 256):  strings.Repeat("x", 256),
		strings.Repeat("x", 257):  strings.Repeat("x", 256) + "…",
		strings.Repeat("世", 1000): strings.Repeat("世", 85) + "…",
	} {
		if got := tell.Short(text); got != want {
			t.Errorf("%.20q is cut to %q", text, got)
		}
	}
	if got := tell.Endpoint("http://" + strings.Repeat("x", 1<<20)); len(got) > 300 {
		t.Errorf("an endpoint is told in %d bytes", len(got))
	}
}

func TestEndpointShowsNoSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:2379":                     "127.0.0.1:2379",
		"https://host:1/":                    "https://host:1/",
		"unix:///run/etcd@1?.sock":           "unix:///run/etcd@1?.sock",
		"http://u:secret@127.0.0.1:1":        "http://***@127.0.0.1:1",
		"http://u:sec@ret@127.0.0.1:1":       "http://***@127.0.0.1:1",
		"u:secret@127.0.0.1:1":               "***@127.0.0.1:1",
		"u:secret://@127.0.0.1:1":            "***@127.0.0.1:1",
		"http://a:1?x=secret":                "http://a:1?***",
		"a:1#secret":                         "a:1#***",
		"unix://u:secret@/run/etcd":          "unix://***@/run/etcd",
		"http://u:secret?more=secret@host:1": "http://***@host:1",
		"u@v://secret@host:1?secret":         "***@host:1?***",
	} {
		if got := tell.Endpoint(text); got != want {
			t.Errorf("%q is told as %q, want %q", text, got, want)
		}
	}
}

// FuzzEndpoint checks that no text before an @ or after a ? or # is shown.
func FuzzEndpoint(f *testing.F) {
	f.Add("http://u:", "@a:1", "?x=", "")
	f.Add("", "@", "#", "://")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		const secret = "SECRET"
		for _, text := range []string{a + secret + "@" + b, a + "?" + secret + c, a + "#" + secret + d} {
			if tell.Secretive(text) && strings.Contains(tell.Endpoint(text), secret) && !strings.Contains(a+b+c+d, secret) {
				t.Errorf("%q is told as %q", text, tell.Endpoint(text))
			}
		}
	})
}
