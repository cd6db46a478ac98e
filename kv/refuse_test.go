// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func put(parent context.Context, c ctx.Ctx) error     { _, err := kv.Put(parent, c); return err }
func get(parent context.Context, c ctx.Ctx) error     { _, err := kv.Get(parent, c); return err }
func del(parent context.Context, c ctx.Ctx) error     { _, err := kv.Delete(parent, c); return err }
func compact(parent context.Context, c ctx.Ctx) error { _, err := kv.Compact(parent, c); return err }
func txn(parent context.Context, c ctx.Ctx) error     { _, err := kv.Txn(parent, c, op.If()); return err }

// calls has the functions of the package. The requests that all of them accept have neither key nor value.
var calls = map[string]func(context.Context, ctx.Ctx) error{
	"Put": put, "Get": get, "Delete": del, "Txn": txn,
	"Compact": func(parent context.Context, c ctx.Ctx) error { return compact(parent, c.WithRev(1)) },
}

func TestInvalidRequestIsNotSent(t *testing.T) {
	s := newSpace(t)
	before := s.put("a", "1")
	key := s.key("a")
	tests := []struct {
		name string
		call func(context.Context, ctx.Ctx) error
		c    ctx.Ctx
		want []string
	}{
		{"an option of a get on a put", put, key.WithLimit(1), []string{"ctx: WithLimit does not apply to a put request"}},
		{"an option of a put on a get", get, key.WithLease(1), []string{"ctx: WithLease does not apply to a get request"}},
		{"an option of a get on a delete", del, key.WithRev(1), []string{"ctx: WithRev does not apply to a delete request"}},
		{"a key to compact", compact, key.WithRev(1), []string{"ctx: WithKey does not apply to a compact request"}},
		{"a key of a transaction", txn, key, []string{"ctx: WithKey does not apply to a txn request"}},
		{"a range to put", put, key.WithPrefix(), []string{"ctx: WithPrefix does not apply to a put request"}},
		{
			"two options without a place, in one error", put, key.WithValue("2").WithSort(kv.ByMod, kv.Descend).WithCountOnly(),
			[]string{"ctx: WithSort does not apply to a put request", "ctx: WithCountOnly does not apply to a put request"},
		},
		{
			"two options without a place in a delete", del, key.WithValue("2").WithPhysical(),
			[]string{"ctx: WithValue does not apply to a delete request", "ctx: WithPhysical does not apply to a delete request"},
		},
		{
			"a delete of a prefix whose key is forgotten", del, kv.New(registry).WithPrefix(),
			[]string{`ctx: WithPrefix without WithKey would delete every key: say WithKey("") where that is meant`},
		},
		{
			"a delete from a key that is forgotten", del, kv.New(registry).WithFromKey(),
			[]string{`ctx: WithFromKey without WithKey would delete every key: say WithKey("") where that is meant`},
		},
		{"an unknown sort target", get, key.WithSort(99, kv.Descend), []string{"ctx: WithSort has the unknown sort target 99 in a get request"}},
		{"an unknown sort order", get, key.WithSort(kv.ByKey, -1), []string{"ctx: WithSort has the unknown sort order -1 in a get request"}},
		{"a negative revision", get, key.WithRev(-1), []string{"ctx: WithRev(-1) is negative in a get request"}},
		{"a negative limit", get, key.WithLimit(-2), []string{"ctx: WithLimit(-2) is negative in a get request"}},
		{"negative bounds", get, key.WithMinModRev(-1).WithMaxModRev(-1).WithMinCreateRev(-1).WithMaxCreateRev(-3), []string{
			"ctx: WithMinModRev(-1) is negative in a get request", "ctx: WithMaxModRev(-1) is negative in a get request",
			"ctx: WithMinCreateRev(-1) is negative in a get request", "ctx: WithMaxCreateRev(-3) is negative in a get request",
		}},
		{"no revision to compact", compact, kv.New(registry), []string{"kv: a compact request needs WithRev"}},
		{"the revision 0 to compact", compact, kv.New(registry).WithRev(0), []string{"kv: a compact request needs WithRev"}},
		{"a negative revision to compact", compact, kv.New(registry).WithRev(-5), []string{"ctx: WithRev(-5) is negative in a compact request"}},
		{"a timeout that lacks its unit", get, key.WithTimeout(5), []string{"ctx: WithTimeout(5ns) is below 1ms in a get request"}},
		{"a timeout of a transaction that lacks its unit", txn, kv.New(registry).WithTimeout(5), []string{"ctx: WithTimeout(5ns) is below 1ms in a txn request"}},
		{"no connection either", put, key.WithConn("").WithLimit(1), []string{"ctx: WithLimit does not apply to a put request"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantInvalid(t, tt.call(t.Context(), tt.c), tt.want...) })
	}
	checkUntouched(t, s, before)
}

func TestInvalidTransactionIsNotSent(t *testing.T) {
	s := newSpace(t)
	before := s.put("a", "1")
	write := op.Put(s.local("a").WithValue("2"))
	tests := []struct {
		name string
		txn  op.Transaction
		want []string
	}{
		{
			"an option without a place", op.If().Then(write, op.Put(s.local("b").WithLimit(1))),
			[]string{"op: then[1]: ctx: WithLimit does not apply to a put request"},
		},
		{
			"an operator that etcd does not have", op.If(compare.New("a").Version("<=", 1)).Then(write),
			[]string{`op: if[0]: compare: unknown operator "<=" on key "a"`},
		},
		{
			"an operation for one member", op.If().Then(op.Put(s.local("a").WithEndpoint("a:1"))),
			[]string{`op: then[0]: WithEndpoint("a:1") is in a transaction without WithEndpoint`},
		},
		{
			"an operation on another connection", op.If().Else(op.Get(kv.New("elsewhere").WithKey("a"))),
			[]string{`op: else[0]: WithConn("elsewhere") is not the transaction's connection "registry"`},
		},
		{
			"a delete of a prefix whose key is forgotten", op.If().Then(op.Delete(kv.New(registry).WithPrefix())),
			[]string{`op: then[0]: ctx: WithPrefix without WithKey would delete every key: say WithKey("") where that is meant`},
		},
		{"no operation at all", op.If().Then(write, op.Op{}), []string{"op: then[1]: the zero Op is no operation"}},
		{
			"conflicts in several places, in one error",
			op.If().Then(op.Get(s.local("a").WithPhysical()), op.Txn(op.If().Else(op.Delete(s.local("a").WithLimit(1))))),
			[]string{
				"op: then[0]: ctx: WithPhysical does not apply to a get request",
				"op: then[1].else[0]: ctx: WithLimit does not apply to a delete request",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kv.Txn(t.Context(), kv.New(registry), tt.txn)
			wantInvalid(t, err, tt.want...)
		})
	}
	checkUntouched(t, s, before)
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

// checkUntouched checks that nobody has written to the cluster since a revision. No other test runs at the same time.
func checkUntouched(t *testing.T, s space, since int64) {
	t.Helper()
	resp, err := kv.Get(t.Context(), s.key("a"))
	if err != nil {
		t.Fatal(err)
	}
	if now := resp.GetHeader().GetRevision(); now != since {
		t.Errorf("the cluster is at revision %d, was at %d", now, since)
	}
}

func TestRequestWithoutAnOpenConnectionIsNotSent(t *testing.T) {
	closed, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		c    ctx.Ctx
		want error
		text string
	}{
		{"bound to no connection", ctx.Ctx{}, conn.ErrNotOpen, "bound to no connection"},
		{"a name that was never open", kv.New("no-such"), conn.ErrNotOpen, `"no-such"`},
		{"a name that was closed", kv.New(closed.Name()), conn.ErrNotOpen, closed.Name()},
		{"an endpoint of nobody's", kv.New(registry).WithEndpoint("127.0.0.1:1"), conn.ErrEndpoint, `"127.0.0.1:1"`},
		{"an empty endpoint", kv.New(registry).WithEndpoint(""), conn.ErrEndpoint, `""`},
	}
	for _, tt := range tests {
		for name, call := range calls {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				err := call(t.Context(), tt.c)
				wantFailure(t, err, etcderr.NotSent, tt.want)
				if !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%q does not say %s", err, tt.text)
				}
			})
		}
	}
}

func TestRefusalOfTheServerIsReturnedAsItsSentinel(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	key := s.key("a")
	tests := []struct {
		name string
		call func(context.Context, ctx.Ctx) error
		c    ctx.Ctx
		want error
		code codes.Code
	}{
		{"put of an empty key", put, kv.New(registry).WithValue("1"), etcderr.ErrEmptyKey, codes.InvalidArgument},
		{"get of an empty key", get, kv.New(registry).WithKey(""), etcderr.ErrEmptyKey, codes.InvalidArgument},
		{"delete of an empty key", del, kv.New(registry), etcderr.ErrEmptyKey, codes.InvalidArgument},
		{"a lease that is not there", put, key.WithValue("2").WithLease(12345), etcderr.ErrLeaseNotFound, codes.NotFound},
		{"a value that is to be ignored", put, key.WithValue("2").WithIgnoreValue(), etcderr.ErrValueProvided, codes.InvalidArgument},
		{"a lease that is to be ignored", put, key.WithLease(12345).WithIgnoreLease(), etcderr.ErrLeaseProvided, codes.InvalidArgument},
		{"no value to keep", put, s.key("b").WithIgnoreValue(), etcderr.ErrKeyNotFound, codes.InvalidArgument},
		{"no lease to keep", put, s.key("b").WithValue("2").WithIgnoreLease(), etcderr.ErrKeyNotFound, codes.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call(t.Context(), tt.c)
			wantFailure(t, err, etcderr.Rejected, tt.want)
			var e *etcderr.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *etcderr.Error", err)
			}
			if !slices.Contains(cluster.Endpoints(), e.Endpoint()) || !strings.HasPrefix(e.Method(), "/etcdserverpb.KV/") {
				t.Errorf("method %q at %q", e.Method(), e.Endpoint())
			}
			if e.Code() != tt.code || status.Code(err) != tt.code || e.SafeToRetry() {
				t.Errorf("code %v, safe to retry %v", e.Code(), e.SafeToRetry())
			}
		})
	}
	if got := s.get(s.all()); !slices.Equal(got, []pair{{"a", "1"}}) {
		t.Errorf("after refusals only: %q", got)
	}
}

func TestRefusalOfATransactionIsReturnedAsItsSentinel(t *testing.T) {
	s := newSpace(t)
	many := func(n int) []op.Op {
		ops := make([]op.Op, n)
		for i := range ops {
			ops[i] = op.Put(s.local(fmt.Sprintf("%03d", i)).WithValue("1"))
		}
		return ops
	}
	twice := []op.Op{op.Put(s.local("a").WithValue("1")), op.Put(s.local("a").WithValue("2"))}
	tests := []struct {
		name string
		txn  op.Transaction
		want error
	}{
		{"an operation more than the server takes", op.If().Then(many(129)...), etcderr.ErrTooManyOps},
		{"the same in the branch that is not taken", op.If().Else(many(129)...), etcderr.ErrTooManyOps},
		{"a key put twice", op.If().Then(twice...), etcderr.ErrDuplicateKey},
		{"a key put twice, once in a nested transaction", op.If().Then(twice[0], op.Txn(op.If().Then(twice[1]))), etcderr.ErrDuplicateKey},
		{"a key that is put and deleted", op.If().Then(twice[0], op.Delete(s.local("").WithPrefix())), etcderr.ErrDuplicateKey},
		{"an empty key", op.If().Then(op.Put(kv.Key(""))), etcderr.ErrEmptyKey},
		{"a guard on an empty key", op.If(compare.Exists("")), etcderr.ErrEmptyKey},
		{"a lease that is not there", op.If().Then(op.Put(s.local("a").WithLease(12345))), etcderr.ErrLeaseNotFound},
		{"a revision not yet written", op.If().Then(op.Get(s.local("a").WithRev(1 << 60))), etcderr.ErrFutureRev},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kv.Txn(t.Context(), kv.New(registry), tt.txn)
			wantFailure(t, err, etcderr.Rejected, tt.want)
		})
	}
	if got := s.get(s.all()); len(got) != 0 {
		t.Errorf("after refusals only: %q", got)
	}
	if resp := s.commit(op.If().Then(many(128)...)); len(resp.GetResponses()) != 128 {
		t.Errorf("as many operations as the server takes: %d answers", len(resp.GetResponses()))
	}
}

func TestValueOverTheServersLimitIsRefusedHoweverLarge(t *testing.T) {
	const limit = 3 << 19 // 1.5 MiB, for the request as a whole
	s := newSpace(t)
	s.put("a", "1")
	for _, size := range []int{limit, limit + limit/4, 8 << 20, 32 << 20} {
		large := strings.Repeat("x", size)
		base := s.key("a").WithTimeout(time.Minute) // a busy machine takes seconds to send so much
		_, err := kv.Put(t.Context(), base.WithValue(large))
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrRequestTooLarge)
		_, err = kv.Txn(t.Context(), kv.New(registry).WithTimeout(time.Minute), op.If().Then(op.Put(s.local("a").WithValue(large))))
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrRequestTooLarge)
	}
	if got := s.get(s.key("a")); !slices.Equal(got, []pair{{"a", "1"}}) {
		t.Errorf("a has another value of %d bytes", len(got[0].value))
	}
	if _, err := kv.Put(t.Context(), s.key("a").WithValue(strings.Repeat("x", limit-1024))); err != nil {
		t.Errorf("just under the limit: %v", err)
	}
}
