// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

// registry is the connection to the cluster that the tests of this package share. What needs a member paused starts its
// own.
const registry = "registry"

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &cluster, etcdtest.WithSize(3)) }

var levels = []stm.Isolation{stm.SerializableSnapshot, stm.Serializable, stm.RepeatableReads, stm.ReadCommitted}

// space is the part of the key space that belongs to one test.
type space struct {
	t      *testing.T
	prefix string
}

func newSpace(t *testing.T) space {
	s := space{t: t, prefix: t.Name() + "/"}
	if _, err := kv.Delete(t.Context(), s.request("").WithPrefix()); err != nil { // of an earlier round of the same test
		t.Fatal(err)
	}
	return s
}

func (s space) name(name string) string     { return s.prefix + name }
func (s space) key(name string) ctx.Ctx     { return kv.Key(s.prefix + name) }
func (s space) request(name string) ctx.Ctx { return s.key(name).WithConn(registry) }
func (s space) all() ctx.Ctx                { return s.key("").WithPrefix() }
func (s space) short(key string) string     { return strings.TrimPrefix(key, s.prefix) }
func (s space) names(names ...string) (keys []string) {
	for _, name := range names {
		keys = append(keys, s.name(name))
	}
	return keys
}

// put is somebody else's put. It returns the revision.
func (s space) put(name, value string) int64 {
	s.t.Helper()
	resp, err := kv.Put(s.t.Context(), s.request(name).WithValue(value))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.GetHeader().GetRevision()
}

// fill puts each key with its name as value.
func (s space) fill(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.put(name, name)
	}
}

// remove is somebody else's delete.
func (s space) remove(name string) {
	s.t.Helper()
	if _, err := kv.Delete(s.t.Context(), s.request(name)); err != nil {
		s.t.Fatal(err)
	}
}

// state is what the servers hold, as "a=1 b=2".
func (s space) state() string {
	s.t.Helper()
	resp, err := kv.Get(s.t.Context(), s.request("").WithPrefix())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.text(resp.GetKvs())
}

func (s space) text(pairs []*mvccpb.KeyValue) string {
	var words []string
	for _, pair := range pairs {
		words = append(words, s.short(string(pair.GetKey()))+"="+string(pair.GetValue()))
	}
	return strings.Join(words, " ")
}

func (s space) wantState(want string) {
	s.t.Helper()
	if got := s.state(); got != want {
		s.t.Errorf("the servers hold %q, want %q", got, want)
	}
}

// run runs a transaction that must succeed.
func (s space) run(fn func(*stm.Tx) error, opts ...stm.Option) *pb.TxnResponse {
	s.t.Helper()
	resp, err := stm.Run(s.t.Context(), stm.New(registry), fn, opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp == nil || !resp.GetSucceeded() || resp.Header == nil {
		s.t.Fatalf("no error, and the response %v", resp)
	}
	return resp
}

// seen reads in a transaction, and notes what went wrong with that.
type seen struct {
	space
	*stm.Tx
}

func (s space) see(tx *stm.Tx) seen { return seen{s, tx} }

func (s seen) value(name string) string {
	s.t.Helper()
	value, err := s.Get(s.name(name))
	if err != nil {
		s.t.Errorf("get %s: %v", name, err)
	}
	return value
}

func (s seen) rev(name string) int64 {
	s.t.Helper()
	rev, err := s.Rev(s.name(name))
	if err != nil {
		s.t.Errorf("revision of %s: %v", name, err)
	}
	return rev
}

func (s seen) pairs(c ctx.Ctx) string {
	s.t.Helper()
	pairs, err := s.Range(c)
	if err != nil {
		s.t.Errorf("range %v: %v", c, err)
	}
	return s.text(pairs)
}

// requests takes down the methods that a connection of its own calls.
type requests struct {
	name string

	mu       sync.Mutex
	sent     []string
	failed   []error
	answered func(method string) // may be nil
}

func observe(t *testing.T) *requests {
	t.Helper()
	return observeOn(t, cluster)
}

func observeOn(t *testing.T, cluster *etcdtest.Cluster) *requests {
	t.Helper()
	r := &requests{}
	note := func(
		parent context.Context, path string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		method, ours := strings.CutPrefix(path, "/etcdserverpb.KV/")
		if !ours {
			return invoke(parent, path, req, reply, cc, opts...)
		}
		r.mu.Lock()
		r.sent = append(r.sent, method)
		r.mu.Unlock()
		err := invoke(parent, path, req, reply, cc, opts...)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.failed = append(r.failed, err)
		} else if r.answered != nil {
			r.answered(method)
		}
		return err
	}
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithDialOptions(grpc.WithUnaryInterceptor(note)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	r.name = c.Name()
	return r
}

func (r *requests) want(t *testing.T, methods ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.sent, methods) {
		t.Errorf("sent %q, want %q", r.sent, methods)
	}
	r.sent = nil
}

// wantFailure checks what is known of a failed run's effect, and that errors.Is finds all of its reasons.
func wantFailure(t *testing.T, err error, outcome etcderr.Outcome, reasons ...error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if got := etcderr.OutcomeOf(err); got != outcome {
		t.Errorf("outcome %v, want %v: %v", got, outcome, err)
	}
	for _, reason := range reasons {
		if !errors.Is(err, reason) {
			t.Errorf("%q is not %q", err, reason)
		}
	}
}

func wantInvalid(t *testing.T, err error, conflicts ...string) {
	t.Helper()
	wantFailure(t, err, etcderr.NotSent, ctx.ErrInvalid)
	var invalid *ctx.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("%T is no InvalidError", err)
	}
	if !slices.Equal(invalid.Conflicts, conflicts) {
		t.Errorf("conflicts %q, want %q", invalid.Conflicts, conflicts)
	}
}
