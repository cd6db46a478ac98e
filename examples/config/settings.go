// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/table"
)

// settings is what the workers need to know.
type settings struct {
	Limit int    `json:"limit"` // jobs a second for each worker
	Queue string `json:"queue"`
}

// initial holds where the key does not exist.
var initial = settings{Limit: 50, Queue: "default"}

func (s settings) check() error {
	if s.Limit < 1 || s.Limit > 1000 {
		return fmt.Errorf("the limit is %d, and must be between 1 and 1000", s.Limit)
	}
	if s.Queue == "" {
		return fmt.Errorf("there is no queue")
	}
	return nil
}

// follow keeps the settings up to date, and says what becomes of them.
func follow(ctx context.Context, say func(format string, args ...any)) (*table.Value[settings], error) {
	return table.Live(ctx, table.New(connection).WithKey(key), table.JSON[settings],
		table.WithDefault(initial),
		table.WithValidate(settings.check),
		table.WithOnChange(func(c table.Change[settings]) {
			if c.New == nil {
				say("   At revision %d the key is gone. The default holds again.", c.Rev)
				return
			}
			say("   At revision %d: %+v", c.Rev, c.New.Value)
		}),
		table.WithOnError[settings](func(_ string, err error) { say("   Refused: %v", err) }))
}

const workers = 4

// work is what the workers do.
type work struct {
	done, invalid atomic.Int64
	stop          context.CancelFunc
	running       sync.WaitGroup
}

// start starts the workers. Each of them looks at the settings before each job, which costs a few nanoseconds.
func start(live *table.Value[settings]) *work {
	w := &work{}
	working, stop := context.WithCancel(context.Background())
	w.stop = stop
	for range workers {
		w.running.Go(func() {
			for working.Err() == nil {
				now, there := live.Load()
				if w.done.Add(1); !there || now.check() != nil {
					w.invalid.Add(1)
					now = initial
				}
				time.Sleep(time.Second / time.Duration(now.Limit))
			}
		})
	}
	return w
}

// end stops the workers and waits for them.
func (w *work) end() {
	w.stop()
	w.running.Wait()
}
