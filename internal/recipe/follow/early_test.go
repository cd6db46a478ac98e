// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// TestQuestionsForProgressLoseNothing asks again and again while keys change. Members before 3.4.25 and 3.5.8 answer such a question
// at once, before the events up to the revision of the answer.
func TestQuestionsForProgressLoseNothing(t *testing.T) {
	r := copying(t, follow.Spec{Request: under(t, registry)})
	r.to(1)
	var working sync.WaitGroup
	stop := make(chan struct{})
	working.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = r.f.Progress(t.Context())
				time.Sleep(100 * time.Microsecond)
			}
		}
	})
	for w := range 16 {
		working.Go(func() {
			for i := range 300 {
				put(t, registry, fmt.Sprintf("%d.%d", w, i), "1")
			}
		})
	}
	written := make(chan int64, 1)
	go func() {
		time.Sleep(500 * time.Millisecond)
		close(stop)
		working.Wait()
		written <- put(t, registry, "last", "1")
	}()
	last := int64(0)
	r.until(func(s follow.Step) bool {
		select {
		case last = <-written:
		default:
		}
		return last > 0 && s.Rev >= last || len(s.Events) > 0 && string(s.Events[len(s.Events)-1].GetKv().GetKey()) == t.Name()+"/last"
	})
	r.equals(under(t, registry))
}
