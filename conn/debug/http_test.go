// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestOnlyGetAndHeadAreAnswered(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"} {
		got := ask(method, "/")
		if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, got.Code, got.Header().Get("Allow"))
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		if got := ask(method, "/any/path"); got.Code != http.StatusOK {
			t.Errorf("%s: status %d", method, got.Code)
		}
	}
}

func TestRequestSaysWhetherItWantsJSON(t *testing.T) {
	for _, c := range []struct {
		query, accept string
		json          bool
	}{
		{"", "", false},
		{"", "*/*", false},
		{"", "text/html,application/xhtml+xml,*/*;q=0.8", false},
		{"", "application/json", true},
		{"", "application/json;q=0.9, text/plain", true},
		{"", "text/html, application/json;q=0.1", false},
		{"?format=json", "text/html", true},
		{"?format=html", "application/json", false},
		{"?refresh=5", "application/json", true},
	} {
		got := ask("GET", "/"+c.query, "Accept", c.accept)
		want := "text/html; charset=utf-8"
		if c.json {
			want = "application/json"
		}
		if is := got.Header().Get("Content-Type"); is != want || json.Valid(got.Body.Bytes()) != c.json {
			t.Errorf("%q with Accept %q: %s", c.query, c.accept, is)
		}
	}
}

func TestRequestWithMistakesIsRefused(t *testing.T) {
	for query, want := range map[string]int{
		"format=xml": 400, "format=json": 200, "refresh=0": 400, "refresh=-1": 400, "refresh=1": 200, "refresh=3600": 200,
		"refresh=3601": 400, "refresh=a": 400, "refresh=5%3Burl=x": 400, "refresh=5%0A": 400, "refresh=1e3": 400,
	} {
		if got := ask("GET", "/?"+query); got.Code != want {
			t.Errorf("?%s: status %d, want %d", query, got.Code, want)
		}
	}
}

func TestBrowserRefreshesOnlyWhenAsked(t *testing.T) {
	const mark = `<meta http-equiv="refresh" content="5">`
	if got := ask("GET", "/?refresh=5").Body.String(); !strings.Contains(got, mark) {
		t.Errorf("no %s in %s", mark, got)
	}
	if got := ask("GET", "/").Body.String(); strings.Contains(got, "http-equiv") {
		t.Errorf("a refresh in %s", got)
	}
}

// TestPageMayDoNothingButShowItsOwnStyle holds the policy against the style that a browser gets: with another hash it would show
// the page without one.
func TestPageMayDoNothingButShowItsOwnStyle(t *testing.T) {
	got := ask("GET", "/")
	body := got.Body.String()
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, ok := strings.Cut(rest, "</style>")
	if !ok {
		t.Fatalf("no style in %s", body)
	}
	sum := sha256.Sum256([]byte(style))
	policy := got.Header().Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	for _, never := range []string{"<script", "src=", "url(", "@import", " style=", `href="/`, `href="http`} {
		if strings.Contains(body, never) {
			t.Errorf("%q in %s", never, body)
		}
	}
	for header, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Vary": "Accept",
	} {
		if is := got.Header().Get(header); is != want {
			t.Errorf("%s is %q, want %q", header, is, want)
		}
	}
}
