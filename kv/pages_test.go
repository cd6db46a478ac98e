// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// fill puts n keys of values with so many bytes, and returns the revision after the last one.
func (s space) fill(to string, n, bytes int) int64 {
	s.t.Helper()
	value := strings.Repeat("x", bytes)
	per := max(1, min(100, 1<<20/max(1, bytes)))
	var writers sync.WaitGroup
	var mu sync.Mutex
	var last int64
	tasks := make(chan int)
	for range 4 {
		writers.Go(func() {
			for from := range tasks {
				var puts []op.Op
				for i := from; i < min(n, from+per); i++ {
					puts = append(puts, op.Put(kv.Key(s.prefix+fmt.Sprintf("%06d", i)).WithValue(value)))
				}
				done, err := kv.Txn(s.t.Context(), kv.New(to).WithTimeout(30*time.Second), op.If().Then(puts...))
				for tries := 1; err != nil && tries < 5; tries++ { // a disk that is slow makes a server give up
					done, err = kv.Txn(s.t.Context(), kv.New(to).WithTimeout(30*time.Second), op.If().Then(puts...))
				}
				if err != nil {
					s.t.Error(err)
				}
				mu.Lock()
				last = max(last, done.GetHeader().GetRevision())
				mu.Unlock()
			}
		})
	}
	for from := 0; from < n; from += per {
		tasks <- from
	}
	close(tasks)
	writers.Wait()
	return last
}

// clear deletes what a test has put, since the others count keys.
func (s space) clear() { _, _ = kv.Delete(context.Background(), s.all()) }

// numbered checks that the next key is that of a number.
func (s space) numbered(key []byte, i int) {
	s.t.Helper()
	if want := s.prefix + fmt.Sprintf("%06d", i); string(key) != want {
		s.t.Fatalf("key %d is %q, want %q", i, key, want)
	}
}

func TestAllReadsEveryKeyOnceInOrderAtOneRevision(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	const n = 3000
	rev := s.fill(registry, n, 2000)
	i := 0
	for pair, err := range kv.All(t.Context(), s.all()) {
		if err != nil {
			t.Fatal(err)
		}
		if i == 10 { // from here on the reading is in the past
			s.put(fmt.Sprintf("%06d", n-1), "changed")
			s.put("zzz", "new")
			if _, err := kv.Delete(t.Context(), s.key(fmt.Sprintf("%06d", n-2))); err != nil {
				t.Fatal(err)
			}
		}
		s.numbered(pair.GetKey(), i)
		if pair.GetModRevision() > rev || len(pair.GetValue()) != 2000 {
			t.Fatalf("key %d is of revision %d, after that of the reading, %d", i, pair.GetModRevision(), rev)
		}
		i++
	}
	if i != n {
		t.Errorf("there are %d keys, want %d", i, n)
	}
}

func TestPagesTellRevisionCountAndMore(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	rev := s.fill(registry, 2000, 1500)
	for name, c := range map[string]struct {
		request   ctx.Ctx
		keys      int
		count     int64
		more      bool
		severally bool
	}{
		"a whole range":                {s.all(), 2000, 2000, false, true},
		"a limit within":               {s.all().WithLimit(1500), 1500, 2000, true, true},
		"a limit that is the count":    {s.all().WithLimit(2000), 2000, 2000, false, true},
		"a limit beyond":               {s.all().WithLimit(1 << 40), 2000, 2000, false, true},
		"a limit of one":               {s.all().WithLimit(1), 1, 2000, true, false},
		"one key":                      {s.key("000007"), 1, 1, false, false},
		"the first key":                {s.all().WithFirstKey(), 1, 2000, true, false},
		"a missing key":                {s.key("missing"), 0, 0, false, false},
		"an empty range":               {s.key("none/").WithPrefix(), 0, 0, false, false},
		"keys only":                    {s.all().WithKeysOnly(), 2000, 2000, false, true},
		"a revision":                   {s.all().WithRev(rev), 2000, 2000, false, true},
		"from a key on, up to a limit": {s.key("000100").WithFromKey().WithLimit(1000), 1000, 0, true, true},
		"one member's own word":        {s.all().WithSerializable(), 2000, 2000, false, true},
		"a filter":                     {s.all().WithMinModRev(1), 2000, 2000, false, true},
		"ascending keys":               {s.all().WithSort(kv.ByKey, kv.Ascend), 2000, 2000, false, true},
	} {
		var pages []*pb.RangeResponse
		keys := 0
		for page, err := range kv.Pages(t.Context(), c.request) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			pages = append(pages, page)
			keys += len(page.GetKvs())
		}
		if len(pages) == 0 || (len(pages) > 1) != c.severally || keys != c.keys {
			t.Fatalf("%s: %d keys in %d pages", name, keys, len(pages))
		}
		for i, page := range pages {
			last := i+1 == len(pages)
			if page.GetHeader().GetRevision() < rev || c.count > 0 && page.GetCount() != c.count || page.GetMore() != (!last || c.more) {
				t.Errorf("%s: page %d of %d has the header %v, count %d, more %v", name, i, len(pages), page.GetHeader(), page.GetCount(), page.GetMore())
			}
		}
	}
}

// TestPagesOfSmallAndLargeValuesAreBounded reads values that are larger than a page each, after a thousand small ones.
func TestPagesOfSmallAndLargeValuesAreBounded(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 1000, 10)
	large := strings.Repeat("x", 1_400_000)
	for i := range 12 {
		if _, err := kv.Put(t.Context(), s.key(fmt.Sprintf("%06d", 1000+i)).WithValue(large).WithTimeout(30*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	// A filter has to be read page by page on every server.
	for name, c := range map[string]ctx.Ctx{"as the server can": s.all(), "page by page": s.all().WithMinModRev(1)} {
		i := 0
		for page, err := range kv.Pages(t.Context(), c.WithTimeout(30*time.Second)) {
			if err != nil {
				t.Fatal(name, err)
			}
			bytes := 0
			for _, pair := range page.GetKvs() {
				s.numbered(pair.GetKey(), i)
				bytes += len(pair.GetValue())
				i++
			}
			if bytes > 16<<20 {
				t.Errorf("%s: a page has %d bytes", name, bytes)
			}
		}
		if i != 1012 {
			t.Errorf("%s: there are %d keys", name, i)
		}
	}
}

func TestCompactionInTheMiddleIsTheErrorOfTheReading(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 4000, 8000) // more than is on its way at a time
	for name, c := range map[string]ctx.Ctx{"as the server can": s.all(), "page by page": s.all().WithMinModRev(1)} {
		var last error
		keys := 0
		for pair, err := range kv.All(t.Context(), c) {
			if last = err; err != nil {
				continue
			}
			s.numbered(pair.GetKey(), keys)
			if keys++; keys == 5 {
				if err := compact(t.Context(), kv.New(registry).WithRev(s.put("zzz", "v"))); err != nil {
					t.Fatal(err)
				}
			}
		}
		wantFailure(t, last, etcderr.Rejected, etcderr.ErrCompacted)
		if keys < 5 || keys >= 4000 {
			t.Errorf("%s: after %d keys", name, keys)
		}
	}
}

func TestReadingGoesOnThroughTheDeathOfEachMember(t *testing.T) {
	own := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", own.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := space{t: t, prefix: t.Name() + "/"}
	const n = 6000
	s.fill(c.Name(), n, 5000)
	i, dead := 0, 0
	for pair, err := range kv.All(t.Context(), s.all().WithConn(c.Name()).WithTimeout(30*time.Second)) {
		if err != nil {
			t.Fatalf("after %d keys: %v", i, err)
		}
		s.numbered(pair.GetKey(), i)
		switch i++; i {
		case 100, 2100, 4100:
			own.Member(dead).Kill()
		case 2000, 4000:
			own.Member(dead).Restart()
			dead++
		}
	}
	if i != n {
		t.Errorf("there are %d keys, want %d", i, n)
	}
}

func TestSlowReaderDoesNotUseUpTheTime(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 2000, 4000)
	for name, c := range map[string]ctx.Ctx{"as the server can": s.all(), "page by page": s.all().WithMinModRev(1)} {
		pages := 0
		for _, err := range kv.Pages(t.Context(), c.WithTimeout(2*time.Second)) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if pages++; pages <= 3 {
				time.Sleep(2500 * time.Millisecond)
			}
		}
		if pages < 4 {
			t.Errorf("%s: there are only %d pages", name, pages)
		}
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 2000, 4000)
	parent, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	mine := errors.New("mine")
	var last error
	pages := 0
	for _, last = range kv.Pages(parent, s.all()) {
		if pages++; pages == 2 {
			cancel(mine)
		}
	}
	if !errors.Is(last, mine) || !errors.Is(last, context.Canceled) {
		t.Errorf("it ends with %v", last)
	}
}

func TestLoopThatIsLeftEarlyLeavesNothing(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 2000, 4000)
	leave := func(after int) {
		for range kv.All(t.Context(), s.all()) {
			if after--; after == 0 {
				break
			}
		}
	}
	leave(1000)
	before := runtime.NumGoroutine()
	for i := range 50 {
		leave(1 + 35*i)
	}
	for began := time.Now(); runtime.NumGoroutine() > before+10; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d goroutines were at work before, now %d", before, runtime.NumGoroutine())
		}
	}
}

// TestMemoryOfAReadingIsFlat reads 96 MiB.
func TestMemoryOfAReadingIsFlat(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 768, 128<<10)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, keys := heap(), uint64(0), 0
	for _, err := range kv.All(t.Context(), s.all().WithTimeout(30*time.Second)) {
		if err != nil {
			t.Fatal(err)
		}
		if keys++; keys%64 == 0 {
			most = max(most, heap())
		}
	}
	t.Logf("heap: %d KiB before, %d KiB at most", before>>10, most>>10)
	if keys != 768 || most > before+48<<20 {
		t.Errorf("%d keys; the heap grew from %d to %d bytes", keys, before, most)
	}
}

func TestReadingRefusesWhatItCannotDo(t *testing.T) {
	s := newSpace(t)
	closed, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, c := range map[string]struct {
		parent  context.Context
		request ctx.Ctx
		want    error
	}{
		"a count":                  {t.Context(), s.all().WithCountOnly(), kv.ErrInvalid},
		"descending keys":          {t.Context(), s.all().WithSort(kv.ByKey, kv.Descend), kv.ErrInvalid},
		"another sort":             {t.Context(), s.all().WithSort(kv.ByMod, kv.Ascend), kv.ErrInvalid},
		"the last key":             {t.Context(), s.all().WithLastKey(), kv.ErrInvalid},
		"an option of a put":       {t.Context(), s.all().WithValue("v"), kv.ErrInvalid},
		"a negative limit":         {t.Context(), s.all().WithLimit(-1), kv.ErrInvalid},
		"no context":               {nil, s.all(), kv.ErrInvalid},
		"no key":                   {t.Context(), kv.New(registry), etcderr.ErrEmptyKey},
		"a revision yet to come":   {t.Context(), s.all().WithRev(1 << 40), etcderr.ErrFutureRev},
		"a closed connection":      {t.Context(), s.all().WithConn(closed.Name()), conn.ErrNotOpen},
		"an endpoint that is none": {t.Context(), s.all().WithEndpoint("127.0.0.1:1"), conn.ErrEndpoint},
	} {
		pages := 0
		for page, err := range kv.Pages(c.parent, c.request) {
			if pages++; page != nil || !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, %v, want %v", name, page, err, c.want)
			}
		}
		for _, err := range kv.All(c.parent, c.request) {
			if pages++; !errors.Is(err, c.want) {
				t.Errorf("%s: All got %v, want %v", name, err, c.want)
			}
		}
		if pages != 2 {
			t.Errorf("%s: there are %d turns", name, pages)
		}
	}
}
