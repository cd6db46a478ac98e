// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// paged opens a connection through an HTTP proxy, which answers the first requests for keys with a page.
func paged(t *testing.T, code int, contentType string, pages int64, opts ...conn.Option) (c *conn.Conn, seen *atomic.Int64) {
	t.Helper()
	seen = new(atomic.Int64)
	endpoint := onecluster.Proxy(t, etcd.Endpoints()[0], func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/etcdserverpb.KV/") || seen.Add(1) > pages {
			return false
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		fmt.Fprintln(w, "<html>come back later")
		return true
	})
	return open(t, "", []string{endpoint}, opts...), seen
}

func TestPageOfAProxyIsNotTheAnswerToARead(t *testing.T) {
	for _, page := range []struct {
		code        int
		contentType string
	}{
		{http.StatusNotFound, "text/html"},
		{http.StatusOK, "text/html; charset=utf-8"},
		{http.StatusInternalServerError, "text/html"},
		{http.StatusBadGateway, "text/html"},
	} {
		t.Run(fmt.Sprint(page.code, " ", page.contentType), func(t *testing.T) {
			c, seen := paged(t, page.code, page.contentType, 2, conn.WithDefaultTimeout(time.Minute))
			if _, err := get(t.Context(), c); err != nil {
				t.Error(err)
			}
			if n := seen.Load(); n != 3 {
				t.Errorf("the read was sent %d times, want 3", n)
			}
		})
	}
}

// A proxy that answers 404 has sent the request nowhere. With another page it may have.
func TestWriteIsSentAgainOnlyAfterAPageThatSaysNotFound(t *testing.T) {
	for code, want := range map[int]struct {
		sent    int64
		outcome etcderr.Outcome
	}{
		http.StatusNotFound:            {3, etcderr.None},
		http.StatusOK:                  {1, etcderr.Unknown},
		http.StatusInternalServerError: {1, etcderr.Unknown},
		http.StatusBadGateway:          {1, etcderr.Unknown},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			c, seen := paged(t, code, "text/html", 2, conn.WithDefaultTimeout(time.Minute))
			_, err := put(t.Context(), c)
			if etcderr.OutcomeOf(err) != want.outcome || seen.Load() != want.sent {
				t.Errorf("sent %d times, want %d: %v", seen.Load(), want.sent, err)
			}
			if err != nil && status.Code(err) != codes.Unavailable {
				t.Errorf("the code is %v", status.Code(err))
			}
		})
	}
}

func TestCallThatMeetsNothingButPagesSaysSo(t *testing.T) {
	c, _ := paged(t, http.StatusNotFound, "text/html", 1<<40)
	for kind, call := range map[string]func(context.Context) error{
		"read":  func(limited context.Context) error { _, err := get(limited, c); return err },
		"write": func(limited context.Context) error { _, err := put(limited, c); return err },
	} {
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		err := call(limited)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "404 (Not Found)") ||
			etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestMethodThatTheServerDoesNotHaveFailsAtOnce(t *testing.T) {
	c, seen := paged(t, http.StatusNotFound, "text/html", 0, conn.WithDefaultTimeout(time.Hour))
	err := c.Invoke(t.Context(), "/etcdserverpb.KV/Nothing", &pb.PutRequest{}, new(pb.PutResponse))
	if status.Code(err) != codes.Unimplemented || etcderr.OutcomeOf(err) != etcderr.Rejected || seen.Load() != 1 {
		t.Errorf("sent %d times: %v", seen.Load(), err)
	}
}
