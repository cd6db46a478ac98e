// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// told is a hook that fills in what its call was told, where the context of the call holds a place for that.
type told struct{}

func (told) OnCall(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
	place, ok := parent.Value(told{}).(*[]conn.CallResult)
	if !ok {
		return nil, nil
	}
	return nil, func(r conn.CallResult) { *place = append(*place, r) }
}

// reading is one read that has ended.
type reading struct {
	answer
	key   string
	began time.Time
	told  []conn.CallResult
}

// crowd reads keys, all at the same moments, again and again.
type crowd struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	done [readers][]reading
}

func startCrowd(c *conn.Conn, keys []string) *crowd {
	const step = 50 * time.Millisecond
	all := &crowd{}
	life, cancel := context.WithCancel(context.Background())
	all.cancel = cancel
	start := time.Now()
	for i := range readers {
		all.running.Go(func() {
			for {
				select {
				case <-life.Done():
					return
				case <-time.After(step - time.Since(start)%step):
				}
				one := reading{key: keys[i], began: time.Now()}
				r, err := kv.Get(context.WithValue(context.Background(), told{}, &one.told), kv.New(c.Name()).WithKey(one.key).WithTimeout(long))
				one.answer = answer{r, err}
				all.mu.Lock()
				all.done[i] = append(all.done[i], one)
				all.mu.Unlock()
			}
		})
	}
	return all
}

// answeredSince reports whether every reader has had an answer to a read that began after then.
func (c *crowd) answeredSince(then time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, own := range c.done {
		if n := len(own); n == 0 || own[n-1].err != nil || !own[n-1].began.After(then) {
			return false
		}
	}
	return true
}

func (c *crowd) stop() {
	c.cancel()
	c.running.Wait()
}

// TestReadsMeetAStoreThatGoesBackAsThoseThatGoAlone replaces the data behind the addresses of a cluster, while 64 readers read together, and
// 64 others alone. A read has no history of its own, so no reader is told that the store went back. The watches of both connections are.
func TestReadsMeetAStoreThatGoesBackAsThoseThatGoAlone(t *testing.T) {
	restore := (*etcdtest.Cluster).RestoreData
	wipe := func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Wipe() }
	replace := func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Replace() }
	none := func(string) string { return "" }
	for name, tt := range map[string]struct {
		goBack   func(*etcdtest.Cluster, *etcdtest.Data)
		value    func(key string) string // in the second history; "" for none
		patience time.Duration
	}{
		"restored, and every read waits": {restore, valueOf, long},
		"restored, and no read waits":    {restore, valueOf, 0},
		"wiped":                          {wipe, none, long},
		"another cluster":                {replace, none, long},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			w := world{T: t, cluster: cluster}
			keys := w.put("k/", readers)
			copied := cluster.SaveData()
			writer := onecluster.Open(t, "", cluster.Endpoints(), conn.WithPatience(long))
			write := func(key, value string) int64 {
				t.Helper()
				r, err := kv.Put(t.Context(), kv.New(writer.Name()).WithKey(key).WithValue(value).WithTimeout(long))
				if err != nil {
					t.Fatal(err)
				}
				return r.GetHeader().GetRevision()
			}
			var over int64 // the last revision of the first history
			for _, key := range keys {
				over = write(key, "over")
			}
			var crowds []*crowd
			var watchers []*watch.Watcher
			for _, opts := range [][]conn.Option{nil, {conn.WithoutBatching()}} {
				c := onecluster.Open(t, "", cluster.Endpoints(), append(opts, conn.WithPatience(tt.patience), conn.WithHooks(told{}))...)
				watcher, err := watch.Watch(t.Context(), kv.New(c.Name()).WithKey("first"))
				if err != nil {
					t.Fatal(err)
				}
				watchers = append(watchers, watcher)
				all := startCrowd(c, keys)
				defer all.stop()
				crowds = append(crowds, all)
			}
			began := time.Now()
			everybody := func(since time.Time) func() bool {
				return func() bool { return crowds[0].answeredSince(since) && crowds[1].answeredSince(since) }
			}
			w.await("answers of the first history", everybody(began))
			tt.goBack(cluster, copied)
			back := time.Now()
			w.await("answers of the second history", everybody(back))
			for _, all := range crowds {
				all.stop()
			}
			together, alone := mustTellTheTruth(t, crowds[0], over, back, tt.value), mustTellTheTruth(t, crowds[1], over, back, tt.value)
			if together.batched == 0 || alone.batched > 0 {
				t.Errorf("of %d reads, %d travelled in company; of %d others, %d did", together.reads, together.batched, alone.reads, alone.batched)
			}
			if tt.patience > 0 && together.failed+alone.failed > 0 {
				t.Errorf("%d reads failed, and %d of those that go alone", together.failed, alone.failed)
			}
			t.Logf("in company %+v, alone %+v", together, alone)
			for _, watcher := range watchers {
				w.await("the watch to tell", func() bool {
					var rewound *watch.RewoundError
					return errors.As(watcher.Err(), &rewound)
				})
			}
		})
	}
}

type sum struct{ reads, batched, failed int }

// mustTellTheTruth checks what the readers got. over is the last revision of the first history, which ended before back. In the second one
// keys have that value.
func mustTellTheTruth(t *testing.T, all *crowd, over int64, back time.Time, value func(key string) string) (s sum) {
	t.Helper()
	for _, own := range all.done {
		second := false // history, as this reader knows
		for _, one := range own {
			s.reads++
			if err := mustBeTold(one); err != nil {
				t.Errorf("%s: got %v, %v: %v", one.key, one.RangeResponse, one.err, err)
				continue
			}
			if one.told[0].Batched {
				s.batched++
			}
			if one.err != nil {
				s.failed++
				var e *etcderr.Error
				if !errors.Is(one.err, conn.ErrUnavailable) || errors.As(one.err, &e) && e.Method() != pb.KV_Range_FullMethodName {
					t.Errorf("%s: %v", one.key, one.err)
				}
				continue
			}
			first := one.Header.Revision >= over
			if first && (second || one.began.After(back)) {
				t.Errorf("%s: an answer of the first history after the second one has begun: %v", one.key, one.RangeResponse)
			}
			second = !first
			want, got := value(one.key), ""
			if first {
				want = "over"
			}
			if len(one.Kvs) > 0 {
				got = string(one.Kvs[0].Value)
			}
			if got != want {
				t.Errorf("%s: got %v, want %q", one.key, one.RangeResponse, want)
			}
		}
	}
	return s
}

// mustBeTold checks that a hook was told once what its caller was told.
func mustBeTold(one reading) error {
	switch {
	case len(one.told) != 1:
		return fmt.Errorf("the hook was told %d times", len(one.told))
	case one.told[0].Err != one.err:
		return fmt.Errorf("the hook was told %w", one.told[0].Err)
	case one.err == nil && (one.told[0].Endpoint == "" || one.told[0].Attempts == 0):
		return fmt.Errorf("the hook was told of no attempt: %+v", one.told[0])
	}
	return nil
}
