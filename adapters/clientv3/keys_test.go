// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// write puts three keys, some of them twice, and returns the revision of the last put.
func write(p *play) int64 {
	var last int64
	for _, kv := range []string{"x/b=1", "x/a=3", "x/c=2", "x/a=0"} {
		key, value, _ := strings.Cut(kv, "=")
		last = must(p.cli.Put(p, key, value)).Header.Revision
	}
	return last
}

var keyPrograms = []program{
	{"put and get", "KV KV.Put KV.Get", func(p *play) {
		put := func(key, value string, opts ...clientv3.OpOption) {
			answer, err := p.cli.Put(p, key, value, opts...)
			p.tell("put "+key, answer, err)
		}
		get := func(key string, opts ...clientv3.OpOption) {
			answer, err := p.cli.Get(p, key, opts...)
			p.tell("get "+key, answer, err)
		}
		put("x/a", "1")
		put("x/a", "2")
		put("x/\xff\x00", "\xfe\x00")
		put("", "no key")
		get("x/a")
		get("x/\xff\x00")
		get("x/none")
		get("")
		get("x/", clientv3.WithPrefix())
		get("", clientv3.WithPrefix())
		put("x/large", strings.Repeat("v", 1_600_000))
	}},
	{"options of a put", "WithLease WithIgnoreValue WithPrevKV", func(p *play) {
		put := func(key, value string, opts ...clientv3.OpOption) {
			answer, err := p.cli.Put(p, key, value, opts...)
			p.tell("put "+key, answer, err)
		}
		granted := must(p.cli.Grant(p, 60))
		put("x/a", "1", clientv3.WithLease(granted.ID))
		put("x/a", "2", clientv3.WithPrevKV(), clientv3.WithIgnoreLease())
		put("x/a", "", clientv3.WithPrevKV(), clientv3.WithIgnoreValue())
		put("x/a", "3", clientv3.WithIgnoreValue())
		put("x/none", "", clientv3.WithIgnoreValue())
		put("x/none", "1", clientv3.WithIgnoreLease())
		put("x/a", "4", clientv3.WithLease(404))
		put("x/a", "5", clientv3.WithLease(granted.ID), clientv3.WithIgnoreLease())
		answer, err := p.cli.Get(p, "x/a")
		p.tell("get", answer, err)
	}},
	{"options of a get", `WithFromKey WithRange WithLimit WithRev WithSort SortTarget SortOrder WithSerializable WithKeysOnly
		WithMinModRev OpOption IsOptsWithPrefix`, func(p *play) {
		last := write(p)
		get := func(what string, opts ...clientv3.OpOption) {
			answer, err := p.cli.Get(p, "x/", append(opts, clientv3.WithPrefix())...)
			p.tell(what, answer, err)
		}
		for target := clientv3.SortByKey; target <= clientv3.SortByValue; target++ {
			for order := clientv3.SortNone; order <= clientv3.SortDescend; order++ {
				get(fmt.Sprintf("sort %d %d", target, order), clientv3.WithSort(target, order))
			}
		}
		get("no such sort", clientv3.WithSort(9, 9))
		get("limit", clientv3.WithLimit(2))
		get("serializable", clientv3.WithSerializable(), clientv3.WithRev(last))
		get("keys", clientv3.WithKeysOnly())
		get("count", clientv3.WithCountOnly())
		get("min mod", clientv3.WithMinModRev(last))
		get("max mod", clientv3.WithMaxModRev(last-1))
		get("min create", clientv3.WithMinCreateRev(last-1))
		get("max create", clientv3.WithMaxCreateRev(last-2))
		get("past", clientv3.WithRev(last-1))
		get("future", clientv3.WithRev(last+1_000_000))
		for what, opts := range map[string][]clientv3.OpOption{
			"first key": clientv3.WithFirstKey(), "last key": clientv3.WithLastKey(), "first rev": clientv3.WithFirstRev(),
			"last rev": clientv3.WithLastRev(), "first create": clientv3.WithFirstCreate(), "last create": clientv3.WithLastCreate(),
		} {
			answer, err := p.cli.Get(p, "x/", opts...)
			p.set(what, p.show("", reflect.ValueOf(answer))+told(err))
		}
		p.flush()
		answer, err := p.cli.Get(p, "x/b", clientv3.WithFromKey())
		p.tell("from", answer, err)
		answer, err = p.cli.Get(p, "x/a", clientv3.WithRange("x/c"))
		p.tell("range", answer, err)
		answer, err = p.cli.Get(p, "x/a", clientv3.WithRange(clientv3.GetPrefixRangeEnd("x/")))
		p.tell("range of a prefix", answer, err)
	}},
	{"delete", "KV.Delete", func(p *play) {
		del := func(key string, opts ...clientv3.OpOption) {
			answer, err := p.cli.Delete(p, key, opts...)
			p.tell("delete "+key, answer, err)
		}
		for range 3 {
			write(p)
			del("x/a", clientv3.WithPrevKV())
			del("x/a")
			del("x/b", clientv3.WithRange("x/bb"), clientv3.WithPrevKV())
			del("x/c", clientv3.WithFromKey())
		}
		write(p)
		del("x/", clientv3.WithPrefix(), clientv3.WithPrevKV())
		del("")
	}},
	{"stream", "KV.GetStream", func(p *play) {
		write(p)
		stream, err := p.cli.GetStream(p, "x/", clientv3.WithPrefix())
		if err != nil {
			p.tell("stream", nil, err)
			return
		}
		answer, err := clientv3.GetStreamToGetResponse(stream)
		p.tell("stream", answer, err)
	}},
	{"compact", "KV.Compact WithCompactPhysical CompactOption", func(p *play) {
		last := write(p)
		answer, err := p.cli.Compact(p, last-2)
		p.tell("compact", answer, err)
		answer, err = p.cli.Compact(p, last-2)
		p.tell("again", answer, err)
		answer, err = p.cli.Compact(p, last-1, clientv3.WithCompactPhysical())
		p.tell("physical", answer, err)
		answer, err = p.cli.Compact(p, last+1_000_000)
		p.tell("future", answer, err)
		get, err := p.cli.Get(p, "x/a", clientv3.WithRev(last-2))
		p.tell("get", get, err)
	}},
	{"do", "KV.Do OpResponse.Get", func(p *play) {
		for _, op := range []clientv3.Op{
			clientv3.OpPut("x/a", "1"), clientv3.OpGet("x/a"), clientv3.OpDelete("x/a"),
			clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpGet("x/a")}, nil), clientv3.OpPut("", ""),
		} {
			answer, err := p.cli.Do(p, op)
			p.tell("put", answer.Put(), err)
			p.tell("get", answer.Get(), err)
			p.tell("delete", answer.Del(), err)
			p.tell("txn", answer.Txn(), err)
		}
	}},
	{"ended contexts", "ContextError", func(p *play) {
		canceled, cancel := context.WithCancel(p)
		cancel()
		expired, cancel := context.WithDeadline(p, time.Now().Add(-time.Second))
		defer cancel()
		for _, ctx := range []context.Context{canceled, expired} {
			_, err := p.cli.Get(ctx, "x/a")
			p.tell("get", nil, err)
			_, err = p.cli.Put(ctx, "x/a", "1")
			p.tell("put", nil, err)
			_, err = p.cli.Grant(ctx, 10)
			p.tell("grant", nil, err)
			_, err = p.cli.MemberList(ctx)
			p.tell("members", nil, err)
			_, open := <-p.cli.Watch(ctx, "x/a")
			p.say("watch: %v", open)
		}
		answer, err := p.cli.Get(p, "x/a")
		p.tell("nothing was put", answer, err)
	}},
}
