// SPDX-License-Identifier: Apache-2.0

package op_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/op"
)

// newKV starts a member and returns a client stub of it. These tests check how the server reads rendered requests, not
// how they are sent.
func newKV(t *testing.T) pb.KVClient {
	t.Helper()
	cluster := etcdtest.Start(t)
	cc, err := grpc.NewClient(strings.TrimPrefix(cluster.Endpoints()[0], "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cc.Close(); err != nil {
			t.Error(err)
		}
	})
	return pb.NewKVClient(cc)
}

func commit(parent context.Context, t *testing.T, kv pb.KVClient, txn op.Transaction) *pb.TxnResponse {
	t.Helper()
	request, err := render.Txn(txn, ctx.Ctx{})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := kv.Txn(parent, request)
	if err != nil {
		t.Fatalf("%v: %v", txn, err)
	}
	return resp
}

func TestServerReadsGuardsAsDocumented(t *testing.T) {
	parent := t.Context()
	kv := newKV(t)

	// Separate transactions, so that the revisions differ: a is created first and put last.
	commit(parent, t, kv, op.If().Then(put("p/a", "1")))
	created := commit(parent, t, kv, op.If().Then(put("p/b", "1"))).Header.Revision
	modified := commit(parent, t, kv, op.If().Then(put("p/a", "2"))).Header.Revision

	prefix := compare.New("p/").WithPrefix()
	nobody := compare.New("q/").WithPrefix()
	tests := []struct {
		guard compare.Compare
		holds bool
	}{
		{compare.Exists("p/a"), true},
		{compare.Missing("p/a"), false},
		{compare.Exists("q"), false},
		{compare.Missing("q"), true},

		{compare.New("p/a").Value(compare.Equal, "2"), true},
		{compare.New("p/a").Value(compare.NotEqual, "2"), false},
		{compare.New("p/a").Value(compare.Greater, "1"), true},
		{compare.New("p/a").Value(compare.Less, "3"), true},
		{compare.New("p/a").Version(compare.Equal, 2), true},
		{compare.New("p/a").ModRevision(compare.Equal, modified), true},
		{compare.New("p/b").CreateRevision(compare.Equal, created), true},
		{compare.New("p/a").CreateRevision(compare.Less, created), true},
		{compare.New("p/a").Lease(compare.Equal, 0), true},

		// A missing key has numbers, all 0, and no value, not even an empty one.
		{compare.New("q").Version(compare.Equal, 0), true},
		{compare.New("q").ModRevision(compare.Equal, 0), true},
		{compare.New("q").Lease(compare.Equal, 0), true},
		{compare.New("q").Value(compare.Equal, ""), false},
		{compare.New("q").Value(compare.NotEqual, "x"), false},
		{compare.New("q").Value(compare.Less, "x"), false},

		// Every key of a range must comply.
		{prefix.CreateRevision(compare.Greater, 0), true},
		{prefix.Value(compare.Greater, ""), true},
		{prefix.Value(compare.Equal, "2"), false},
		{prefix.Version(compare.Less, 3), true},
		{prefix.Version(compare.Less, 2), false},
		{compare.New("p/b").WithFromKey().Value(compare.Equal, "1"), true},
		{compare.New("").WithPrefix().Version(compare.Greater, 0), true},
		{compare.New("p/a").WithRangeEnd("p/b").Value(compare.Equal, "2"), true},

		// An empty range is like a missing key.
		{nobody.CreateRevision(compare.Equal, 0), true},
		{nobody.CreateRevision(compare.Greater, 0), false},
		{nobody.Value(compare.NotEqual, "x"), false},
	}
	for _, tt := range tests {
		if got := commit(parent, t, kv, op.If(tt.guard)).Succeeded; got != tt.holds {
			t.Errorf("%v holds: %v, want %v", tt.guard, got, tt.holds)
		}
	}
}

func TestServerJudgesNestedGuardsBeforeItRunsOperations(t *testing.T) {
	kv := newKV(t)
	resp := commit(t.Context(), t, kv, op.If(compare.Missing("a")).Then(
		put("a", "1"),
		op.Txn(op.If(compare.Exists("a")).Then(put("saw", "a")).Else(put("saw", "none"))),
		op.Get(ctx.Key("saw")),
	))
	if !resp.Succeeded || len(resp.Responses) != 3 {
		t.Fatalf("got %v", resp)
	}
	if got := string(resp.Responses[2].GetResponseRange().Kvs[0].Value); got != "none" {
		t.Errorf("the nested guard saw %s", got)
	}
}

func TestServerReadsExtentsAndTopsAsDocumented(t *testing.T) {
	parent := t.Context()
	kv := newKV(t)
	for _, key := range []string{"p/b", "p/a", "p/c", "\xff\xff", "q", "p/b"} {
		commit(parent, t, kv, op.If().Then(put(key, "v")))
	}
	tests := []struct {
		c    ctx.Ctx
		want []string
	}{
		{ctx.Key("p/").WithPrefix(), []string{"p/a", "p/b", "p/c"}},
		{ctx.Key("p/b").WithFromKey(), []string{"p/b", "p/c", "q", "\xff\xff"}},
		{ctx.Key("p/a").WithRangeEnd("p/c"), []string{"p/a", "p/b"}},
		{ctx.Key("\xff").WithPrefix(), []string{"\xff\xff"}},
		{ctx.Ctx{}.WithPrefix(), []string{"p/a", "p/b", "p/c", "q", "\xff\xff"}},
		{ctx.Ctx{}.WithFromKey(), []string{"p/a", "p/b", "p/c", "q", "\xff\xff"}},
		{ctx.Key("p/").WithPrefix().WithSort(ctx.ByKey, ctx.Ascend).WithLimit(2), []string{"p/a", "p/b"}},
		{ctx.Key("p/").WithPrefix().WithSort(ctx.ByCreate, ctx.None), []string{"p/b", "p/a", "p/c"}},
		{ctx.Key("p/").WithFirstKey(), []string{"p/a"}},
		{ctx.Key("p/").WithLastKey(), []string{"p/c"}},
		{ctx.Key("p/").WithFirstCreate(), []string{"p/b"}},
		{ctx.Key("p/").WithLastCreate(), []string{"p/c"}},
		{ctx.Key("p/").WithFirstRev(), []string{"p/a"}},
		{ctx.Key("p/").WithLastRev(), []string{"p/b"}},
		{ctx.Key("p/").WithTop(ctx.ByVersion, ctx.Descend), []string{"p/b"}},
	}
	for _, tt := range tests {
		resp := commit(parent, t, kv, op.If().Then(op.Get(tt.c)))
		var got []string
		for _, pair := range resp.Responses[0].GetResponseRange().Kvs {
			got = append(got, string(pair.Key))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.c, got, tt.want)
		}
	}
}
