// SPDX-License-Identifier: Apache-2.0

// Package debug shows what the connections of a program do, as a page for a person and as JSON for programs.
//
//	http.Handle("/debug/etcd", debug.Handler()) // on an internal port
//
// The page begins with what needs attention. Then it shows each open connection with its endpoints, watches, leases, locks and
// elections, tables and presences. conn.WriteInfo writes the endpoints alone, and needs no HTTP server.
//
// The page shows names: of connections, endpoints, locks and elections, and the prefixes of watches, tables and namespaces. It shows
// these keys: those of presences, those of tables of one key, and the key that a lock or an election waits for, which lies below its
// name. It shows no other key, no value, no password, no token and no certificate. Reasons are the texts of errors of servers, of
// the network and of the dial options of the program. Of an error of the function of conn.WithCredentialsFunc it shows the type only.
// All of that tells much about a program, so serve the page on an internal port, or behind a login.
//
// A lock or an election under a lease of your own is shown as held while the same connection keeps that lease alive, until Unlock,
// Release or Resign on that connection. Without that nothing in this process can tell whether it is still held.
package debug

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Handler returns a handler of the page, for any path. It answers GET and HEAD, and everything else with status 405.
//
// With ?format=json, or a header Accept that has application/json and not text/html, the answer is JSON. It has everything, while
// the page shows the first 100 of each kind, those in trouble first. With ?refresh=5 a browser loads the page again every 5 seconds;
// 1 to 3600 are possible. A format or a refresh that is not one of these gets status 400.
//
// In the JSON, times are RFC 3339, durations are in seconds, and IDs of leases are hexadecimal as in etcdctl. A field that does not
// apply is missing. Later versions may add fields.
//
// The handler calls no server and never waits for one: what it shows is what this process knows at that moment. It waits only for
// its own client to take the answer. It costs nothing while nobody asks. It forbids caches to keep the answer, and its page loads
// nothing and runs no script. A Handler is safe for concurrent use.
func Handler() http.Handler { return http.HandlerFunc(serve) }

// policy allows the page its own style and nothing else.
var policy = fmt.Sprintf(
	"default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", styleHash)

func serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are possible", http.StatusMethodNotAllowed)
		return
	}
	wanted, err := wantedOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var body bytes.Buffer // so that nothing is held up, and nothing is half told, if the client is slow
	if wanted.json {
		h.Set("Content-Type", "application/json")
		out := json.NewEncoder(&body)
		out.SetIndent("", "  ")
		err = out.Encode(look())
	} else {
		h.Set("Content-Type", "text/html; charset=utf-8")
		err = page.Execute(&body, viewOf(look(), wanted.refresh))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body.Bytes())
}

// wanted is what a request asks for.
type wanted struct {
	json    bool
	refresh int // in seconds; 0 for never
}

const refreshMax = 3600

func wantedOf(r *http.Request) (wanted, error) {
	var to wanted
	query := r.URL.Query()
	switch query.Get("format") {
	case "json":
		to.json = true
	case "html":
	case "":
		accept := strings.Join(r.Header.Values("Accept"), ",")
		to.json = strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
	default:
		return to, errors.New("format is html or json")
	}
	if text := query.Get("refresh"); text != "" {
		every, err := strconv.Atoi(text)
		if err != nil || every < 1 || every > refreshMax {
			return to, fmt.Errorf("refresh is a number of seconds from 1 to %d", refreshMax)
		}
		to.refresh = every
	}
	return to, nil
}
