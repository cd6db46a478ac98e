// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn/debug"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &cluster) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 60 * time.Second

// moment is the part of the JSON that tests look at.
type moment struct {
	Connections []connection `json:"connections"`
}

type connection struct {
	Name        string      `json:"name"`
	NamespaceOf string      `json:"namespace_of"`
	Prefix      string      `json:"prefix"`
	Revision    int64       `json:"revision"`
	Budget      *budget     `json:"budget"`
	Endpoints   []*endpoint `json:"endpoints"`
	Watches     []*watched  `json:"watches"`
	Leases      []*leased   `json:"leases"`
	Claims      []*claim    `json:"claims"`
	Tables      []*tabled   `json:"tables"`
	Presences   []*present  `json:"presences"`
}

type budget struct{ Left, Full int }

type endpoint struct {
	Address, State, Reason, Version string
	Since                           time.Time
	ReconnectIn                     float64 `json:"reconnect_in_seconds"`
	Leader, Learner                 bool
	Leases, Watches                 int
}

type keys struct{ Kind, Name string }

type watched struct {
	ID       int64 `json:"id,string"`
	Keys     keys
	InStep   bool `json:"in_step"`
	Since    time.Time
	Reason   string
	Endpoint string
	Parked   bool
	Waiting  int   `json:"waiting_bytes"`
	Buffer   int   `json:"buffer_bytes"`
	Revision int64 `json:"revision"`
	Read     int64 `json:"read_revision"`
}

type leased struct {
	ID         string
	TTL        float64 `json:"ttl_seconds"`
	Renewed    time.Time
	ValidUntil time.Time `json:"valid_until"`
	Margin     float64   `json:"margin_seconds"`
	Endpoint   string
	Keepers    int
}

type claim struct {
	Kind, Name, State, Lease string
	Since                    time.Time
	Revision                 int64
	WaitsFor                 struct {
		Keys     int
		Key      string
		Revision int64
	} `json:"waits_for"`
}

type tabled struct {
	Keys                                  keys
	Entries, Resyncs, Undecoded, Revision int
	InStep                                bool `json:"in_step"`
	Since                                 time.Time
	Reason                                string
}

type present struct {
	Key, State, Lease, Reason string
	Since                     time.Time
	Revision                  int64
}

// ask asks the handler.
func ask(method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	debug.Handler().ServeHTTP(w, r)
	return w
}

// shown returns what the JSON tells about a connection.
func shown(t testing.TB, name string) connection {
	t.Helper()
	var now moment
	answer := ask(http.MethodGet, "/debug?format=json")
	if err := json.Unmarshal(answer.Body.Bytes(), &now); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	for _, c := range now.Connections {
		if c.Name == name {
			return c
		}
	}
	return connection{}
}
