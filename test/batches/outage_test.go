// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// TestOutageEndsReadsAsItEndsThoseThatGoAlone compares the errors of both kinds.
func TestOutageEndsReadsAsItEndsThoseThatGoAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		patience, deadline time.Duration
		want               []error
	}{
		"the patience is over": {300 * time.Millisecond, long, []error{conn.ErrUnavailable}},
		"the deadline is over": {long, 300 * time.Millisecond, []error{conn.ErrUnavailable, context.DeadlineExceeded}},
		"there is no patience": {0, long, []error{conn.ErrUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			keys := w.put("k/", readers)
			open := func(opts ...conn.Option) *conn.Conn {
				return onecluster.Open(t, "", w.cluster.Endpoints(), append(opts, conn.WithPatience(tt.patience))...)
			}
			together, alone := open(), open(conn.WithoutBatching())
			w.cluster.Member(0).Kill()
			for _, c := range []*conn.Conn{together, alone} {
				w.await("the loss to be noticed", func() bool { return c.Info()[0].State != conn.Active })
			}
			read := func(c *conn.Conn) func(int) answer {
				return func(i int) answer {
					// The deadlines differ, so nobody's deadline is that of all.
					limited, cancel := context.WithTimeout(t.Context(), tt.deadline+time.Duration(i)*10*time.Millisecond)
					defer cancel()
					return get(limited, c, keys[i])
				}
			}
			want := atOnce(1, read(alone))[0].err
			for _, got := range atOnce(readers, read(together)) {
				if t.Failed() {
					break
				}
				for _, wanted := range tt.want {
					if !errors.Is(got.err, wanted) {
						t.Errorf("got %v, want %v", got.err, wanted)
					}
				}
				// The reasons of an endpoint follow its address. They change from one attempt to reconnect to the next.
				text := func(err error) string {
					text, _, _ := strings.Cut(textOf(err), ": 127.0.0.1")
					return text
				}
				if text(got.err) != text(want) || status.Code(got.err) != status.Code(want) || etcderr.OutcomeOf(got.err) != etcderr.OutcomeOf(want) {
					t.Errorf("got %v, want %v", got.err, want)
				}
			}
		})
	}
}

func TestReadsOutliveARestart(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	c := onecluster.Open(t, "", w.cluster.Endpoints(), conn.WithPatience(long))
	w.cluster.Member(0).Kill()
	w.await("the loss to be noticed", func() bool { return c.Info()[0].State != conn.Active })
	time.AfterFunc(100*time.Millisecond, w.cluster.Member(0).Restart)
	limited, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	for i, got := range atOnce(readers, func(i int) answer { return get(limited, c, keys[i]) }) {
		w.mustHold(keys[i], got)
	}
}
