// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// TestUnsentPutsSurviveARestartOfTheOnlyMember has the default patience, and puts with time left. None may be refused before the
// member has been away for that long. A busy machine may need more time to start a member, so such a restart does not count.
func TestUnsentPutsSurviveARestartOfTheOnlyMember(t *testing.T) {
	const patience, wanted, tries = 5 * time.Second, 3, 6
	cluster := etcdtest.Start(t)
	c := open(t, "", cluster.Endpoints())
	writing, stop := context.WithCancel(t.Context())
	began := time.Now()
	var struck atomic.Int64 // when the member stopped last, since the beginning
	var done [16]atomic.Int64
	var unknown, refused atomic.Int64
	var writers sync.WaitGroup
	for i := range done {
		request := kv.New(c.Name()).WithKey(fmt.Sprint("k", i)).WithValue("v").WithTimeout(2 * time.Minute)
		writers.Go(func() {
			for writing.Err() == nil {
				_, err := kv.Put(t.Context(), request)
				away := time.Since(began) - time.Duration(struck.Load())
				switch {
				case err == nil:
					done[i].Add(1)
				case etcderr.OutcomeOf(err) == etcderr.Unknown: // it was under way
					unknown.Add(1)
				case away >= patience:
					refused.Add(1)
					time.Sleep(10 * time.Millisecond)
				default:
					t.Errorf("a put with time left was refused after %v: %v", away, err)
					return
				}
			}
		})
	}
	survived, restarts := 0, 0
	for ; survived < wanted && restarts < tries && !t.Failed(); restarts++ {
		earlier := refused.Load()
		struck.Store(int64(time.Since(began)))
		if survived == wanted-1 {
			cluster.Member(0).Kill()
			time.Sleep(time.Second)
		}
		cluster.Member(0).Restart()
		for i := range done { // so no put of this outage is under way in the next one
			before := done[i].Load()
			waitFor(t, func() bool { return done[i].Load() > before+5 || t.Failed() })
		}
		if refused.Load() == earlier {
			survived++
		}
	}
	stop()
	writers.Wait()
	t.Logf("%d of %d restarts took less than %v; %d puts unknown, %d refused after that", survived, restarts, patience, unknown.Load(), refused.Load())
	if n := unknown.Load(); n > int64(restarts*len(done)) {
		t.Errorf("%d puts ended unknown, more than were under way", n)
	}
}
