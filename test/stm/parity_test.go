// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// transaction has the operations of both clients' transactions. A failure fails the test.
type transaction interface {
	Get(key string) string
	Rev(key string) int64
	Put(key, value string)
	Delete(key string)
}

// runner runs a function as a transaction, at an isolation level that both clients have.
type runner func(level stm.Isolation, fn func(transaction))

type ours struct {
	*testing.T
	*stm.Tx
}

func (o ours) Get(key string) string {
	value, err := o.Tx.Get(key)
	if err != nil {
		o.Error(err)
	}
	return value
}

func (o ours) Rev(key string) int64 {
	rev, err := o.Tx.Rev(key)
	if err != nil {
		o.Error(err)
	}
	return rev
}

func runOurs(t *testing.T, c ctx.Ctx) runner {
	return func(level stm.Isolation, fn func(transaction)) {
		_, err := stm.Run(t.Context(), c, func(tx *stm.Tx) error { fn(ours{t, tx}); return nil }, stm.WithIsolation(level))
		if err != nil {
			t.Error(err)
		}
	}
}

type theirs struct{ concurrency.STM }

func (s theirs) Get(key string) string { return s.STM.Get(key) }
func (s theirs) Put(key, value string) { s.STM.Put(key, value) }
func (s theirs) Delete(key string)     { s.Del(key) }

func runTheirs(t *testing.T, client *clientv3.Client) runner {
	return func(level stm.Isolation, fn func(transaction)) {
		parent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := concurrency.NewSTM(client, func(s concurrency.STM) error { fn(theirs{s}); return nil },
			concurrency.WithIsolation(concurrency.Isolation(level)), concurrency.WithAbortContext(parent))
		if err != nil {
			t.Error(err)
		}
	}
}

// others makes the writes of another client.
type others struct {
	*testing.T
	ctx.Ctx
}

func (o others) put(keys ...string) {
	for _, key := range keys {
		if _, err := kv.Put(o.Context(), o.WithKey("k/"+key).WithValue("theirs")); err != nil {
			o.Error(err)
		}
	}
}

func (o others) remove(key string) {
	if _, err := kv.Delete(o.Context(), o.WithKey("k/"+key)); err != nil {
		o.Error(err)
	}
}

// histories begin with the keys a and b. Each runs operations in a transaction. In the first attempt, others interfere
// in the middle. see records what the transaction saw.
var histories = map[string]func(tx transaction, meanwhile func(func(others)), see func(...any)){
	"lost update": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"))
		meanwhile(func(o others) { o.put("a") })
		tx.Put("k/a", "mine")
	},
	"write skew": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"), tx.Get("k/b"))
		meanwhile(func(o others) { o.put("b") })
		tx.Put("k/a", "mine")
	},
	"a key written unread is put": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"))
		meanwhile(func(o others) { o.put("b") })
		tx.Put("k/b", "mine")
	},
	"a key written unread is deleted": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"))
		meanwhile(func(o others) { o.remove("b") })
		tx.Put("k/b", "mine")
	},
	"nothing is read": func(tx transaction, meanwhile func(func(others)), _ func(...any)) {
		meanwhile(func(o others) { o.put("a") })
		tx.Put("k/a", "mine")
		tx.Delete("k/b")
	},
	"a missing key is created": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/c"), fmt.Sprint("exists: ", tx.Rev("k/c") > 0))
		meanwhile(func(o others) { o.put("c") })
		tx.Put("k/a", "mine")
	},
	"a key is deleted": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"))
		meanwhile(func(o others) { o.remove("a") })
		tx.Put("k/b", "mine")
	},
	"read skew": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		see(tx.Get("k/a"))
		meanwhile(func(o others) { o.put("a", "b") })
		see(tx.Get("k/b"), tx.Get("k/a"))
		tx.Put("k/c", "mine")
	},
	"own writes": func(tx transaction, meanwhile func(func(others)), see func(...any)) {
		tx.Put("k/a", "first")
		see(tx.Get("k/a"))
		tx.Delete("k/b")
		see(tx.Get("k/b"))
		tx.Put("k/b", "again")
		see(tx.Get("k/b"))
		meanwhile(func(o others) { o.put("c") })
		tx.Put("k/a", "last")
	},
}

// TestIsolationLevelsEqualClientv3s runs the same histories with both clients. They must see the same, in as many
// attempts, and leave the same data.
func TestIsolationLevelsEqualClientv3s(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	client := clients.OpenClientV3(t, cluster.Endpoints()...)
	for name, history := range histories {
		for _, level := range []stm.Isolation{stm.SerializableSnapshot, stm.Serializable, stm.RepeatableReads, stm.ReadCommitted} {
			t.Run(fmt.Sprintf("%s/%v", name, level), func(t *testing.T) {
				story := func(run runner) []string {
					o := others{t, c}
					o.remove("c")
					for _, key := range []string{"a", "b"} {
						if _, err := kv.Put(t.Context(), c.WithKey("k/"+key).WithValue("old")); err != nil {
							t.Fatal(err)
						}
					}
					var told []string
					tries := 0
					run(level, func(tx transaction) {
						tries++
						history(tx, func(do func(others)) {
							if tries == 1 {
								do(o)
							}
						}, func(saw ...any) { told = append(told, fmt.Sprintf("try %d saw %q", tries, saw)) })
					})
					after, err := kv.Get(t.Context(), c.WithKey("k/").WithPrefix())
					if err != nil {
						t.Fatal(err)
					}
					for _, pair := range after.GetKvs() {
						told = append(told, fmt.Sprintf("%s=%s", pair.GetKey(), pair.GetValue()))
					}
					return append(told, fmt.Sprintf("%d tries", tries))
				}
				if ours, theirs := story(runOurs(t, c)), story(runTheirs(t, client)); !slices.Equal(ours, theirs) {
					t.Errorf("this client:\n\t%s\netcd's:\n\t%s", strings.Join(ours, "\n\t"), strings.Join(theirs, "\n\t"))
				}
			})
		}
	}
}
