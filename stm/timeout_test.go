// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/stm"
)

func TestRunEndsAfterTheDefaultTimeoutOfItsConnection(t *testing.T) {
	s := newSpace(t)
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithDefaultTimeout(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	slow := func(tx *stm.Tx) error {
		time.Sleep(20 * time.Millisecond)
		_, err := tx.Get(s.name("a"))
		return err
	}
	_, err = stm.Run(t.Context(), stm.New(c.Name()), slow)
	wantFailure(t, err, etcderr.NotSent, context.DeadlineExceeded)
	if _, err = stm.Run(t.Context(), stm.New(c.Name()).WithTimeout(10*time.Second), slow); err != nil {
		t.Errorf("with a time of its own: %v", err)
	}
	long, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err = stm.Run(long, stm.New(c.Name()), slow); err != nil {
		t.Errorf("with a deadline of the caller: %v", err)
	}
}
