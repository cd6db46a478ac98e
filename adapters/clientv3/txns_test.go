// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/clientv3util"
)

var txnPrograms = []program{
	{"branches", "KV.Txn Txn.If OpPut OpTxn Op Op.IsGet", func(p *play) {
		last := write(p)
		then := []clientv3.Op{
			clientv3.OpPut("x/d", "4", clientv3.WithPrevKV()), clientv3.OpGet("x/", clientv3.WithPrefix(), clientv3.WithLimit(2)),
			clientv3.OpDelete("x/b", clientv3.WithPrevKV()),
			clientv3.OpTxn([]clientv3.Cmp{clientv3util.KeyMissing("x/e")}, []clientv3.Op{clientv3.OpPut("x/e", "5")}, nil),
		}
		for _, seen := range []int64{last, last - 1} {
			answer, err := p.cli.Txn(p).If(clientv3.Compare(clientv3.ModRevision("x/a"), "=", seen)).
				Then(then...).Else(clientv3.OpGet("x/a", clientv3.WithRev(last-1))).Commit()
			p.tell("txn", answer, err)
		}
		answer, err := p.cli.Txn(p).Commit()
		p.tell("empty", answer, err)
	}},
	{"comparisons", "Cmp Value Cmp.WithPrefix CompareResult", func(p *play) {
		last := write(p)
		granted := must(p.cli.Grant(p, 60))
		must(p.cli.Put(p, "x/l", "1", clientv3.WithLease(granted.ID)))
		for _, result := range []string{"=", "!=", "<", ">"} {
			for what, cmp := range map[string]clientv3.Cmp{
				"value":   clientv3.Compare(clientv3.Value("x/a"), result, "0"),
				"version": clientv3.Compare(clientv3.Version("x/a"), result, 1),
				"mod":     clientv3.Compare(clientv3.ModRevision("x/a"), result, last),
				"create":  clientv3.Compare(clientv3.CreateRevision("x/a"), result, last-2),
				"lease":   clientv3.Compare(clientv3.LeaseValue("x/l"), result, granted.ID),
				"prefix":  clientv3.Compare(clientv3.Version("x/"), result, 0).WithPrefix(),
				"range":   clientv3.Compare(clientv3.Value("x/b"), result, "2").WithRange("x/d"),
				"missing": clientv3.Compare(clientv3.Version("x/none"), result, 0),
			} {
				answer, err := p.cli.Txn(p).If(cmp).Commit()
				if err != nil {
					p.tell(what+result, nil, err)
					continue
				}
				p.set(what+result, answer.Succeeded)
			}
		}
		p.flush()
	}},
	{"refused transactions", "rpctypes.ErrKeyNotFound", func(p *play) {
		txn := func(what string, ops ...clientv3.Op) {
			answer, err := p.cli.Txn(p).Then(ops...).Commit()
			p.tell(what, answer, err)
		}
		txn("twice", clientv3.OpPut("x/a", "1"), clientv3.OpPut("x/a", "2"))
		txn("no key", clientv3.OpPut("", "1"))
		txn("no lease", clientv3.OpPut("x/a", "1", clientv3.WithLease(404)))
		txn("future", clientv3.OpGet("x/a", clientv3.WithRev(1<<40)))
		var many []clientv3.Op
		for i := range 129 {
			many = append(many, clientv3.OpGet(fmt.Sprintf("x/%d", i)))
		}
		txn("too many", many...)
		_, err := p.cli.Txn(p).Then(clientv3.OpPut("x/a", "", clientv3.WithIgnoreValue())).Commit()
		p.say("comparable: %t", err == rpctypes.ErrKeyNotFound)
	}},
	{"misuse panics", "Txn.Then", func(p *play) {
		caught := func(what string, f func()) {
			defer func() { p.say("%s: %v", what, recover()) }()
			f()
		}
		caught("if twice", func() { p.cli.Txn(p).If().If() })
		caught("if after then", func() { p.cli.Txn(p).Then().If() })
		caught("operator", func() { clientv3.Compare(clientv3.Value("x/a"), "==", "1") })
		caught("put of a range", func() { _, _ = p.cli.Put(p, "x/a", "1", clientv3.WithPrefix()) })
	}},
}
