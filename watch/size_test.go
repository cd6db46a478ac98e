// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

func TestRevisionIsDeliveredWhole(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w := start(t, c.WithKey("k").WithPrefix())
	for range 20 {
		var ops []op.Op
		for i := range 50 {
			ops = append(ops, op.Put(kv.Key(fmt.Sprintf("k%d", i)).WithValue("v")))
		}
		if _, err := kv.Txn(t.Context(), c, op.If().Then(ops...)); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for r, err := range w.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Events)%50 != 0 {
			t.Fatalf("a response of %d events: a revision has 50", len(r.Events))
		}
		if seen += len(r.Events); seen == 1000 {
			break
		}
	}
}

func TestSlowReaderGetsEverythingThroughASmallBuffer(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	slow := start(t, c.WithKey("k").WithPrefix(), watch.WithBuffer(10_000))
	brisk := start(t, c.WithKey("k").WithPrefix())
	for i := range 2000 {
		put(t, c, fmt.Sprintf("k%d", i%7), fmt.Sprint(i))
	}
	for _, w := range []*watch.Watcher{brisk, slow} {
		for i, e := range read(t, w, 2000) {
			if string(e.Kv.Value) != fmt.Sprint(i) {
				t.Fatalf("event %d is %s", i, brief([]*mvccpb.Event{e}))
			}
		}
	}
}

func TestRevisionLargerThanTheBufferAndTheServersLimit(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	// With the values before, a revision is too large for one message: the server sends it in parts.
	var from int64
	for _, value := range []string{"x", "y"} {
		var ops []op.Op
		for i := range 12 {
			ops = append(ops, op.Put(kv.Key(fmt.Sprintf("k%02d", i)).WithValue(strings.Repeat(value, 100_000))))
		}
		r, err := kv.Txn(t.Context(), c, op.If().Then(ops...))
		if err != nil {
			t.Fatal(err)
		}
		from = r.Header.Revision
	}
	after := put(t, c, "k99", "after")
	request := c.WithKey("k").WithPrefix().WithStartRevision(from).WithPrevKV()
	whole := start(t, request, watch.WithBuffer(1))
	var sizes []int
	for r, err := range whole.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Fragment {
			t.Error("a fragment was handed on")
		}
		if sizes = append(sizes, len(r.Events)); r.Events[len(r.Events)-1].Kv.ModRevision == after {
			break
		}
	}
	if sizes[0] < 12 {
		t.Errorf("responses of %v events: a revision of 12 is split", sizes)
	}
	parts := start(t, request.WithFragment(), watch.WithBuffer(1))
	n, fragments := 0, 0
	for r, err := range parts.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range r.Events {
			if want := fmt.Sprintf("k%02d", n+i); string(e.Kv.Key) != want && n+i < 12 {
				t.Fatalf("got %s, want %s", e.Kv.Key, want)
			}
		}
		n += len(r.Events)
		if r.Fragment {
			fragments++
		}
		if n == 13 {
			break
		}
	}
	if fragments == 0 {
		t.Error("no fragment came")
	}
}
