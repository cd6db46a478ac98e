// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

const (
	writerCount = 6
	folders     = 4
	perFolder   = 12
	largeKeys   = 5
	// largeValue makes three changes with their previous values larger than 2 MiB, the most that a server sends at
	// once.
	largeValue    = 400 << 10
	largeEvery    = 700 * time.Millisecond
	writePatience = 2 * time.Second
)

// writers write at full speed, several keys at a time. They ignore what happened to a write during a fault, because the
// history tells.
type writers struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	wrote   atomic.Int64
	failed  atomic.Int64
}

func startWriters(c ctx.Ctx, pick *rand.Rand) *writers {
	w := &writers{}
	life, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	c = c.WithTimeout(writePatience)
	for range writerCount {
		choose := rand.New(rand.NewPCG(pick.Uint64(), 0))
		w.running.Go(func() {
			for n := 0; life.Err() == nil; n++ {
				w.count(kv.Txn(life, c, op.If().Then(several(choose, n)...)))
			}
		})
	}
	choose := rand.New(rand.NewPCG(pick.Uint64(), 0))
	w.running.Go(func() {
		for n := 0; life.Err() == nil; n++ {
			w.count(kv.Txn(life, c, op.If().Then(large(choose, n)...)))
			select {
			case <-life.Done():
			case <-time.After(largeEvery):
			}
		}
	})
	return w
}

func (w *writers) count(_ any, err error) {
	if err == nil {
		w.wrote.Add(1)
	} else {
		w.failed.Add(1)
	}
}

func (w *writers) stop() {
	w.cancel()
	w.running.Wait()
}

// several puts or deletes up to eight small keys.
func several(choose *rand.Rand, n int) []op.Op {
	var ops []op.Op
	for _, i := range choose.Perm(folders * perFolder)[:1+choose.IntN(8)] {
		key := kv.Key(fmt.Sprintf("small/%c/%d", 'a'+i%folders, i/folders))
		if choose.IntN(5) == 0 {
			ops = append(ops, op.Delete(key))
		} else {
			ops = append(ops, op.Put(key.WithValue(fmt.Sprintf("%d %s", n, strings.Repeat("v", choose.IntN(200))))))
		}
	}
	return ops
}

// large puts three large values.
func large(choose *rand.Rand, n int) []op.Op {
	var ops []op.Op
	for _, i := range choose.Perm(largeKeys)[:3] {
		value := fmt.Sprintf("%d %s", n, strings.Repeat("V", largeValue))
		ops = append(ops, op.Put(kv.Key(fmt.Sprintf("large/%d", i)).WithValue(value)))
	}
	return ops
}

// last writes to every extent that is watched, and returns the revision.
func last(parent context.Context, c ctx.Ctx) (int64, error) {
	ops := []op.Op{op.Put(kv.Key("large/0").WithValue("last"))}
	for i := range folders {
		ops = append(ops, op.Put(kv.Key(fmt.Sprintf("small/%c/0", 'a'+i)).WithValue("last")))
	}
	for {
		r, err := kv.Txn(parent, c.WithTimeout(writePatience), op.If().Then(ops...))
		if err == nil {
			return r.Header.Revision, nil
		}
		if parent.Err() != nil {
			return 0, err
		}
	}
}
