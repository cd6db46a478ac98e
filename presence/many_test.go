// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/presence"
)

func TestManyKeysComeBackToAWipedStore(t *testing.T) {
	t.Parallel()
	const many = 200
	cluster := etcdtest.Start(t)
	c := mine(t).WithConn(open(t, cluster))
	all, before := make([]*presence.Presence, many), make([]presence.State, many)
	key := func(i int) presence.Request { return c.WithSubKey("/" + strconv.Itoa(i)).WithValue(strconv.Itoa(i)) }
	var keeping sync.WaitGroup
	for i := range all {
		keeping.Go(func() {
			p, err := presence.Keep(t.Context(), key(i).WithTimeout(patience), short)
			if err != nil {
				t.Error(err)
				return
			}
			all[i], before[i] = p, p.State()
		})
	}
	keeping.Wait()
	if t.Failed() {
		return
	}
	cluster.Wipe()
	for i, p := range all {
		backAgain(t, p, before[i])
		holds(t, p, key(i), strconv.Itoa(i))
	}
	for i, p := range all {
		leave(t, p)
		if there := at(t, key(i)); there != nil {
			t.Errorf("after Leave: %v", there)
		}
	}
}
