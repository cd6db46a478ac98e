// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

const (
	readPause = 5 * time.Millisecond // between two reads during the outage
	patience  = 30 * time.Second     // for a state to come about that always should
)

// outage kills the member that answered last, keeps reading meanwhile, and waits for its return.
func (w *walk) outage(ctx context.Context, c *conn.Conn, p *place) error {
	if p.own == nil {
		w.say("The walk kills no member of your cluster. Without ETCD_ENDPOINTS it ends with an outage.")
		return nil
	}
	w.step("Lose the member in use")
	key := w.base.WithKey(w.prefix + "10.0.0.1")
	if _, err := kv.Put(ctx, key.WithValue("still here")); err != nil {
		return err
	}
	w.call(`kv.Get(ctx, key)`)
	resp, err := kv.Get(ctx, key)
	if err != nil {
		return err
	}
	victim := p.member(resp.GetHeader().GetMemberId())
	if victim == nil {
		return fmt.Errorf("no member has the ID %x of the response", resp.GetHeader().GetMemberId())
	}
	w.result("answered by member %s at %s", victim.Name(), victim.Endpoint())
	w.call(`member.Kill() // SIGKILL`)
	victim.Kill()

	w.step("Read on, as if nothing had happened")
	w.call(`kv.Get(ctx, key) // again and again`)
	if err := w.readOn(ctx, c, key, victim); err != nil {
		return err
	}
	if err := w.info(); err != nil {
		return err
	}
	return w.comeback(ctx, c, key, victim)
}

// readOn reads until the pause before the next attempt to reconnect has grown to seconds, so that Info shows it.
func (w *walk) readOn(ctx context.Context, c *conn.Conn, key kv.Request, victim *etcdtest.Member) error {
	begin, reads, slowest := time.Now(), 0, time.Duration(0)
	err := await(ctx, func() (bool, error) {
		sent := time.Now()
		if _, err := kv.Get(ctx, key); err != nil {
			return false, fmt.Errorf("read %d during the outage: %w", reads+1, err)
		}
		reads++
		slowest = max(slowest, time.Since(sent))
		e := stateOf(c, victim)
		return e.State == conn.Frozen && e.ReconnectIn >= time.Second, nil
	})
	if err != nil {
		return err
	}
	w.result("%d reads in %.1f s, none failed, the slowest took %v",
		reads, time.Since(begin).Seconds(), slowest.Round(100*time.Microsecond))
	return nil
}

func (w *walk) comeback(ctx context.Context, c *conn.Conn, key kv.Request, member *etcdtest.Member) error {
	w.step("Let it come back: the connection finds it by itself")
	w.call(`member.Restart()`)
	begin := time.Now()
	member.Restart()
	if err := await(ctx, func() (bool, error) { return stateOf(c, member).State == conn.Active, nil }); err != nil {
		return err
	}
	w.result("%s is Active again after %.1f s", member.Endpoint(), time.Since(begin).Seconds())
	w.call(fmt.Sprintf(`kv.Get(ctx, key.WithEndpoint("%s"))`, member.Endpoint()))
	resp, err := kv.Get(ctx, key.WithEndpoint(member.Endpoint()))
	if err != nil {
		return err
	}
	w.pairs(resp.GetKvs())
	return w.info()
}

// info prints the table of all connections, indented as the rest.
func (w *walk) info() error {
	var table strings.Builder
	if err := conn.WriteInfo(&table); err != nil {
		return err
	}
	w.call("conn.WriteInfo(os.Stdout)")
	fmt.Fprintln(w.out)
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w.out, strings.TrimRight("     "+line, " \n"))
	}
	return nil
}

func stateOf(c *conn.Conn, m *etcdtest.Member) conn.Endpoint {
	for _, e := range c.Info() {
		if e.Address == m.Endpoint() {
			return e
		}
	}
	return conn.Endpoint{State: conn.Frozen}
}

// await calls what until it is done or fails, or patience is over.
func await(ctx context.Context, what func() (done bool, err error)) error {
	bounded, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing happened within %v", patience))
	defer cancel()
	tick := time.NewTicker(readPause)
	defer tick.Stop()
	for {
		if done, err := what(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-bounded.Done():
			return context.Cause(bounded)
		}
	}
}
