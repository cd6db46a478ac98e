// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// A store that goes back is shown as it is afterwards, and never as an empty one in between.
func TestTableFollowsAStoreThatIsRestoredWipedAndReplaced(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())
	write := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := kv.Put(bounded(t), kv.New(c).WithKey(fmt.Sprintf("t/%d", i)).WithValue(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0, 10)
	saved := cluster.SaveData()
	write(10, 20)
	f := follow(t, c)
	least, over, watched := 20, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-over:
				return
			default:
				least = min(least, f.Snapshot().Len())
				time.Sleep(time.Millisecond)
			}
		}
	}()
	cluster.RestoreData(saved)
	equals(t, f, c)
	close(over)
	<-watched
	if n := f.Snapshot().Len(); n != 10 || least < n { // its last look may have been before the restore
		t.Errorf("after the restore there are %d entries, and there were %d", n, least)
	}
	for name, change := range map[string]func(){"wipe": cluster.Wipe, "replace": cluster.Replace} {
		change()
		equals(t, f, c)
		if n := f.Snapshot().Len(); n != 0 {
			t.Errorf("after a %s there are %d entries", name, n)
		}
		write(0, 3)
		equals(t, f, c)
	}
	if s := f.Status(); s.Resyncs < 3 {
		t.Errorf("the status is %+v", s)
	}
}

// A proxy answers no question how far a watch is.
func TestSyncWorksBehindAProxy(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	proxy := cluster.GRPCProxy()
	c, direct := open(t, []string{proxy.Endpoint()}), open(t, cluster.Endpoints())
	f := follow(t, c)
	for i := range 5 {
		for _, key := range []string{"elsewhere", "t/k"} {
			if _, err := kv.Put(bounded(t), kv.New(direct).WithKey(key).WithValue(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(bounded(t)); err != nil {
				t.Fatal(err)
			}
		}
		if e, _ := f.Get("t/k"); e.Value != fmt.Sprint(i) {
			t.Errorf("after Sync the table has %+v, want %d", e, i)
		}
	}
}
