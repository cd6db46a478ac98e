// SPDX-License-Identifier: Apache-2.0

package op_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/op"
)

var registry = ctx.New("registry")

// wire returns the message of a put.
func wire(key, value string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{
		RequestPut: &pb.PutRequest{Key: []byte(key), Value: []byte(value)},
	}}
}

func put(key, value string) op.Op { return op.Put(ctx.Key(key).WithValue(value)) }

func TestTransactionRenders(t *testing.T) {
	exists := &pb.Compare{
		Key: []byte("k"), Target: pb.Compare_CREATE, Result: pb.Compare_GREATER, TargetUnion: &pb.Compare_CreateRevision{},
	}
	get := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{
		Key: []byte("a"), RangeEnd: []byte("b"), Limit: 2,
	}}}
	del := &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{
		Key: []byte("a"), RangeEnd: []byte("c"), PrevKv: true,
	}}}
	nested := &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{
		Compare: []*pb.Compare{exists}, Failure: []*pb.RequestOp{del},
	}}}
	opGet := op.Get(ctx.Key("a").WithPrefix().WithLimit(2))
	opDel := op.Delete(ctx.Key("a").WithRangeEnd("c").WithPrevKV())

	tests := []struct {
		name string
		txn  op.Transaction
		want *pb.TxnRequest
	}{
		{"zero value", op.Transaction{}, &pb.TxnRequest{}},
		{"no guards", op.If(), &pb.TxnRequest{}},
		{
			"all branches",
			op.If(compare.Exists("k")).Then(put("x", "1"), opGet).Else(opDel),
			&pb.TxnRequest{
				Compare: []*pb.Compare{exists}, Success: []*pb.RequestOp{wire("x", "1"), get}, Failure: []*pb.RequestOp{del},
			},
		},
		{
			"else only",
			op.If(compare.Exists("k"), compare.Exists("k")).Else(opGet),
			&pb.TxnRequest{Compare: []*pb.Compare{exists, exists}, Failure: []*pb.RequestOp{get}},
		},
		{
			"nested",
			op.If().Then(op.Txn(op.If(compare.Exists("k")).Else(opDel))),
			&pb.TxnRequest{Success: []*pb.RequestOp{nested}},
		},
		{
			"the last list wins",
			op.If().Then(opGet).Else(opGet, opGet).Then(opDel).Else(),
			&pb.TxnRequest{Success: []*pb.RequestOp{del}},
		},
		{
			"an operation on the transaction's connection",
			op.If().Then(op.Put(registry.WithKey("x").WithValue("1"))),
			&pb.TxnRequest{Success: []*pb.RequestOp{wire("x", "1")}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render.Txn(tt.txn, registry.WithTimeout(time.Second).WithEndpoint("a:1"))
			if err != nil || !proto.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestConflictsAreReportedTogetherWithTheirPlace(t *testing.T) {
	ok := put("x", "1")
	tests := []struct {
		name string
		txn  op.Transaction
		c    ctx.Ctx
		want []string
	}{
		{
			"more than the sending in the transaction's own request",
			op.If().Then(ok), registry.WithKey("").WithValue("secret").WithTimeout(5),
			[]string{
				"ctx: WithKey does not apply to a txn request",
				"ctx: WithValue does not apply to a txn request",
				"ctx: WithTimeout(5ns) is below 1ms in a txn request",
			},
		},
		{
			"unknown operators",
			op.If(compare.Exists("k"), compare.New("k").Version("<=", 1), compare.Compare{}), registry,
			[]string{
				`op: if[1]: compare: unknown operator "<=" on key "k"`,
				`op: if[2]: compare: unknown operator "" on key ""`,
			},
		},
		{
			"options on the wrong operation",
			op.If().
				Then(ok, op.Put(ctx.Key("a").WithSort(ctx.ByMod, ctx.Ascend).WithLimit(0))).
				Else(op.Delete(ctx.Key("a").WithValue("secret")), op.Get(ctx.Key("a").WithSort(9, ctx.Ascend))),
			registry,
			[]string{
				"op: then[1]: ctx: WithLimit does not apply to a put request",
				"op: then[1]: ctx: WithSort does not apply to a put request",
				"op: else[0]: ctx: WithValue does not apply to a delete request",
				"op: else[1]: ctx: WithSort has the unknown sort target 9 in a get request",
			},
		},
		{
			"an operation that goes its own way",
			op.If().Then(op.Get(ctx.New("other").WithKey("a").WithEndpoint("b:1"))), registry.WithEndpoint("a:1"),
			[]string{
				`op: then[0]: WithConn("other") is not the transaction's connection "registry"`,
				`op: then[0]: WithEndpoint("b:1") is not the transaction's endpoint "a:1"`,
			},
		},
		{
			"an operation for one member in a transaction for any",
			op.If().Then(op.Get(registry.WithKey("a").WithEndpoint(""))), registry,
			[]string{`op: then[0]: WithEndpoint("") is in a transaction without WithEndpoint`},
		},
		{
			"a bound operation in an unbound transaction",
			op.If().Then(op.Get(ctx.New("other").WithKey("a"))), ctx.Ctx{},
			[]string{`op: then[0]: WithConn("other") is not the transaction's connection ""`},
		},
		{
			"the zero operation",
			op.If().Then(ok, op.Op{}), registry,
			[]string{"op: then[1]: the zero Op is no operation"},
		},
		{
			"nested, on every level",
			op.If(compare.New("k").Lease("~", 1)).Then(ok, op.Txn(
				op.If(compare.New("l").Lease("~", 1)).Else(ok, ok, op.Txn(
					op.If().Then(op.Put(ctx.Key("a").WithPrefix()), op.Get(ctx.New("other"))),
				)),
			), op.Put(ctx.Key("a").WithRev(1))),
			registry.WithLease(1),
			[]string{
				"ctx: WithLease does not apply to a txn request",
				`op: if[0]: compare: unknown operator "~" on key "k"`,
				`op: then[1].if[0]: compare: unknown operator "~" on key "l"`,
				"op: then[1].else[2].then[0]: ctx: WithPrefix does not apply to a put request",
				`op: then[1].else[2].then[1]: WithConn("other") is not the transaction's connection "registry"`,
				"op: then[2]: ctx: WithRev does not apply to a put request",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render.Txn(tt.txn, tt.c)
			if got != nil || !errors.Is(err, ctx.ErrInvalid) {
				t.Fatalf("got %v, %v, want ErrInvalid", got, err)
			}
			if want := strings.Join(tt.want, "; "); err.Error() != want {
				t.Errorf("the error is\n%s\nwant\n%s", strings.ReplaceAll(err.Error(), "; ", "\n"), strings.Join(tt.want, "\n"))
			}
			if got := etcderr.OutcomeOf(err); got != etcderr.NotSent {
				t.Errorf("the outcome is %v, want NotSent", got)
			}
		})
	}
}

func TestOperationsMayShareTheBaseOfTheirTransaction(t *testing.T) {
	base := registry.WithTimeout(time.Second).WithEndpoint("a:1")
	bare := op.If().Then(op.Put(ctx.Key("x").WithValue("1")), op.Txn(op.If().Else(op.Get(ctx.Key("x")))))
	want, err := render.Txn(bare, base)
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]ctx.Ctx{
		"the same base":                        base,
		"a base with another timeout":          base.WithTimeout(time.Minute),
		"a base with a timeout too short":      base.WithTimeout(1), // the transaction's own is what counts
		"a base with a timeout, not the other": registry.WithTimeout(time.Second),
	} {
		based := op.If().Then(op.Put(of.WithKey("x").WithValue("1")), op.Txn(op.If().Else(op.Get(of.WithKey("x")))))
		if got, err := render.Txn(based, base); err != nil || !proto.Equal(got, want) {
			t.Errorf("operations of %s: got %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestSlicesAreCopied(t *testing.T) {
	guards := []compare.Compare{compare.Exists("g")}
	then := []op.Op{put("t", "1")}
	els := []op.Op{put("e", "1")}
	txn := op.If(guards...).Then(then...).Else(els...)
	nested := op.Txn(txn)
	want := txn.String()

	guards[0], then[0], els[0] = compare.Missing("x"), op.Op{}, op.Op{}
	txn.Then(put("other", "2")).Else(put("other", "2"))

	if got := txn.String(); got != want {
		t.Errorf("the transaction became %s, was %s", got, want)
	}
	if got := nested.String(); got != want {
		t.Errorf("the nested transaction became %s, was %s", got, want)
	}
}

func TestBranchesOfOneTransactionDoNotAffectEachOther(t *testing.T) {
	branches := map[string]func(op.Transaction) op.Transaction{
		"then":    func(t op.Transaction) op.Transaction { return t.Then(put("t", "1")) },
		"then xy": func(t op.Transaction) op.Transaction { return t.Then(put("x", "1"), put("y", "1")) },
		"else":    func(t op.Transaction) op.Transaction { return t.Else(put("e", "1")) },
		"no then": func(t op.Transaction) op.Transaction { return t.Then() },
	}
	base := op.If(compare.Exists("k")).Then(put("a", "1"), put("b", "1"), put("c", "1"))
	before := base.String()
	for nameA, a := range branches {
		for nameB, b := range branches {
			wantA, wantB := a(base).String(), b(base).String()
			x := a(base)
			y := b(base)
			if x.String() != wantA || y.String() != wantB || base.String() != before {
				t.Errorf("%s and %s of one base affect each other", nameA, nameB)
			}
		}
	}
}

func TestStringHidesValues(t *testing.T) {
	txn := op.If(compare.New("a").Value(compare.Equal, "hunter2")).
		Then(put("a", "hunter2"), op.Delete(ctx.Key("b"))).
		Else(op.Txn(op.If().Then(put("c", "hunter2"), op.Get(ctx.Key("d")), op.Op{})))
	want := `txn(if value("a") = (7 bytes); then put ctx(key="a" value=(7 bytes)), delete ctx(key="b"); ` +
		`else txn(then put ctx(key="c" value=(7 bytes)), get ctx(key="d"), none))`
	if got := txn.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		printed := fmt.Sprintf(verb+verb, []op.Transaction{txn}, []op.Op{put("a", "hunter2"), op.Txn(txn)})
		if strings.Contains(printed, "hunter2") {
			t.Errorf("%s tells the value: %s", verb, printed)
		}
	}
}
