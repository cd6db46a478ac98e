// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

// turnAuthOn lets user read the keys below open/ only. Connections without credentials get no further.
func (w world) turnAuthOn() conn.Option {
	w.Helper()
	c := onecluster.Open(w.T, "", w.cluster.Endpoints())
	ctx, to := w.Context(), auth.New(c.Name())
	for _, step := range []func() error{
		func() error { _, err := auth.UserAdd(ctx, to, "root", "secret"); return err },
		func() error { _, err := auth.UserGrantRole(ctx, to, "root", "root"); return err },
		func() error { _, err := auth.UserAdd(ctx, to, "user", "pass"); return err },
		func() error { _, err := auth.RoleAdd(ctx, to, "reader"); return err },
		func() error {
			_, err := auth.RoleGrantPermission(ctx, to, "reader", "open/", kv.PrefixEnd("open/"), authpb.Permission_READ)
			return err
		},
		func() error {
			_, err := auth.RoleGrantPermission(ctx, to, "reader", "first", "", authpb.Permission_READ)
			return err
		},
		func() error { _, err := auth.UserGrantRole(ctx, to, "user", "reader"); return err },
		func() error { _, err := auth.Enable(ctx, to); return err },
	} {
		if err := step(); err != nil {
			w.Fatal(err)
		}
	}
	return conn.WithCredentials("user", "pass")
}

// TestDeniedKeysConcernOnlyTheirCallers has callers read keys of which some are denied, again and again.
func TestDeniedKeysConcernOnlyTheirCallers(t *testing.T) {
	for _, denied := range []int{1, readers / 2, readers} {
		t.Run(fmt.Sprintf("%d of %d", denied, readers), func(t *testing.T) {
			w := newWorld(t)
			keys := append(w.put("secret/", denied), w.put("open/", readers-denied)...)
			credentials := w.turnAuthOn()
			c := w.open(credentials)
			alone := get(t.Context(), w.open(credentials, conn.WithoutBatching()), keys[0])
			if !errors.Is(alone.err, etcderr.ErrPermissionDenied) {
				t.Fatalf("a denied read that goes alone: %v", alone.err)
			}
			for round := range 8 {
				var answers []answer
				ranges, txns := w.counted(func() { answers = w.together(c, readers, gets(t, c, keys)) })
				t.Logf("round %d: %d reads, %d transactions", round, ranges, txns)
				if ranges > readers+1 || ranges+txns > 2*readers+1 {
					t.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
				}
				for i, got := range answers {
					if !strings.HasPrefix(keys[i], "secret/") {
						w.mustHold(keys[i], got)
						continue
					}
					var e *etcderr.Error
					if !errors.Is(got.err, etcderr.ErrPermissionDenied) || !errors.As(got.err, &e) ||
						e.Method() != pb.KV_Range_FullMethodName || e.Outcome() != etcderr.Rejected || textOf(got.err) != textOf(alone.err) {
						t.Errorf("%s: got %v, want %v", keys[i], got.err, alone.err)
					}
				}
			}
			// By now the connection knows which keys are denied.
			ranges, txns := w.counted(func() { w.together(c, readers, gets(t, c, keys)) })
			if denied < readers && (txns == 0 || ranges > denied+readers/4) {
				t.Errorf("after eight rounds, %d callers made %d reads and %d transactions", readers, ranges, txns)
			}
		})
	}
}

func TestBatchesGetAsSmallAsTheServerWants(t *testing.T) {
	w := newWorld(t, etcdtest.WithFlags("--max-txn-ops=16"))
	w.mustGetSmaller(w.open(), w.put("k/", readers))
}

func TestBatchesGetAsSmallAsTheNextServerWants(t *testing.T) {
	first, next := newWorld(t), newWorld(t, etcdtest.WithFlags("--max-txn-ops=16"))
	c, keys := first.open(), first.put("k/", readers)
	next.put("k/", readers)
	for range 4 {
		for i, got := range first.together(c, readers, gets(t, c, keys)) {
			first.mustHold(keys[i], got)
		}
	}
	if err := c.SetEndpoints(t.Context(), []string{next.Endpoint}); err != nil {
		t.Fatal(err)
	}
	next.mustGetSmaller(c, keys)
}

// mustGetSmaller checks that the trips of a connection learn that the server takes 16 operations, at no more than one request more for
// each caller.
func (w world) mustGetSmaller(c *conn.Conn, keys []string) {
	w.Helper()
	for round := range 8 {
		var answers []answer
		ranges, txns := w.counted(func() { answers = w.together(c, readers, gets(w.T, c, keys)) })
		w.Logf("round %d: %d reads, %d transactions", round, ranges, txns)
		if ranges > readers+1 || ranges+txns > 2*readers+1 {
			w.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
		}
		for i, key := range keys {
			w.mustHold(key, answers[i])
		}
	}
	ranges, txns := w.counted(func() { w.together(c, readers, gets(w.T, c, keys)) })
	if ranges > readers/2 || txns < readers/16-1 {
		w.Errorf("after eight rounds, %d callers made %d reads and %d transactions", readers, ranges, txns)
	}
}

// TestLargeValueTravelsAloneOnceItIsKnown prints how long the others wait for it before that.
func TestLargeValueTravelsAloneOnceItIsKnown(t *testing.T) {
	const large = 1_400_000
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", 127)
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("large").WithValue(strings.Repeat("v", large))); err != nil {
		t.Fatal(err)
	}
	for round := range 4 {
		before := w.Calls(pb.KV_Txn_FullMethodName).Answer
		var slowest [2]time.Duration // of the small ones, and of the large one
		took := make([]time.Duration, len(keys)+1)
		answers := atOnce(len(keys)+1, func(i int) answer {
			began := time.Now()
			defer func() { took[i] = time.Since(began) }()
			if i == len(keys)/2 {
				return get(t.Context(), c, "large")
			}
			return get(t.Context(), c, keys[i%len(keys)])
		})
		for i, got := range answers {
			if i == len(keys)/2 {
				slowest[1] = took[i]
				if got.err != nil || len(got.Kvs) != 1 || len(got.Kvs[0].Value) != large {
					t.Errorf("the large one: %v", got.err)
				}
				continue
			}
			slowest[0] = max(slowest[0], took[i])
			w.mustHold(keys[i%len(keys)], got)
		}
		t.Logf("round %d: the slowest of 127 small values took %v, the one of 1.4 MB %v", round, slowest[0], slowest[1])
		if largest := w.Calls(pb.KV_Txn_FullMethodName).Answer; round > 0 && before < large && largest >= large {
			t.Errorf("round %d: a transaction brought the large value, of which the connection knew", round)
		}
	}
	if again := w.Calls(pb.KV_Txn_FullMethodName).N; again == 0 {
		t.Error("nothing travelled together")
	}
}

func TestKeyThatIsNoLongerLargeTravelsInCompanyAgain(t *testing.T) {
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", 1)
	put := func(value string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey(keys[0]).WithValue(value)); err != nil {
			t.Fatal(err)
		}
	}
	put(strings.Repeat("v", 200_000))
	get(t.Context(), c, keys[0]) // alone, and learns
	if ranges, txns := w.counted(func() { w.together(c, 8, gets(t, c, keys)) }); ranges != 9 || txns != 0 {
		t.Errorf("8 reads of a large value made %d reads and %d transactions", ranges, txns)
	}
	put(valueOf(keys[0]))
	get(t.Context(), c, keys[0])
	if ranges, txns := w.counted(func() { w.together(c, readers, gets(t, c, keys)) }); ranges+txns > readers/2 {
		t.Errorf("%d reads of a value that is small again made %d reads and %d transactions", readers, ranges, txns)
	}
}
