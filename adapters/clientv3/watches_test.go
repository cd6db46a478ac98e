// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// events tells the next n events of a watch, each with its response's revision only if the server makes one response of each.
func events(p *play, what string, watch clientv3.WatchChan, n int) {
	for n > 0 {
		response, open := <-watch
		if !open || response.Err() != nil || len(response.Events) == 0 {
			p.tell(what, response, response.Err())
			p.say("open: %t", open)
			return
		}
		for _, event := range response.Events {
			p.tell(fmt.Sprintf("%s: create %t modify %t", what, event.IsCreate(), event.IsModify()), event, nil)
		}
		n -= len(response.Events)
	}
}

// ended tells the last response of a watch and that its channel closes.
func ended(p *play, what string, watch clientv3.WatchChan) {
	for response := range watch {
		p.say("%s: canceled %t created %t compact +%d events %d header %t: %s", what, response.Canceled, response.Created,
			max(response.CompactRevision-p.rev, 0), len(response.Events), response.Header != nil, told(response.Err()))
	}
	p.say("%s: closed", what)
}

func change(p *play) {
	write(p)
	must(p.cli.Delete(p, "x/b"))
	must(p.cli.Txn(p).Then(clientv3.OpPut("x/d", "1"), clientv3.OpDelete("x/", clientv3.WithRange("x/b")),
		clientv3.OpPut("x/e", strings.Repeat("v", 1000))).Commit())
}

var watchPrograms = []program{
	{"extents and filters", "Watcher.Watch WatchChan OpWatch WithFilterPut WithWatchBufLog Event", func(p *play) {
		start := p.rev + 1
		ctx, cancel := context.WithCancel(p)
		watches := map[string]struct {
			watch clientv3.WatchChan
			n     int
		}{
			"key":         {p.cli.Watch(ctx, "x/a"), 3},
			"prefix":      {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithWatchBufLog()), 8},
			"all":         {p.cli.Watch(ctx, "", clientv3.WithPrefix()), 8},
			"empty":       {p.cli.Watch(ctx, "", clientv3.WithFromKey()), 8},
			"from":        {p.cli.Watch(ctx, "x/b", clientv3.WithFromKey()), 5},
			"range":       {p.cli.Watch(ctx, "x/b", clientv3.WithRange("x/d")), 3},
			"no puts":     {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithFilterPut()), 2},
			"no deletes":  {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithFilterDelete()), 6},
			"previous":    {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithPrevKV()), 8},
			"fragments":   {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithFragment()), 8},
			"from a rev":  {p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithRev(start+2)), 6},
			"leader only": {p.cli.Watch(clientv3.WithRequireLeader(ctx), "x/c"), 1},
		}
		change(p)
		names := []string{
			"key", "prefix", "all", "empty", "from", "range", "no puts", "no deletes", "previous", "fragments", "from a rev", "leader only",
		}
		for _, name := range names {
			events(p, name, watches[name].watch, watches[name].n)
		}
		past := p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithRev(start))
		events(p, "past", past, 8)
		cancel()
		for _, name := range names {
			ended(p, name, watches[name].watch)
		}
		ended(p, "past", past)
	}},
	{"created", "WithCreatedNotify WatchResponse", func(p *play) {
		ctx, cancel := context.WithCancel(p)
		last := write(p)
		for what, opts := range map[string][]clientv3.OpOption{
			"now": nil, "past": {clientv3.WithRev(last)}, "future": {clientv3.WithRev(last + 1)}, "prefix": {clientv3.WithPrefix()},
		} {
			response := <-p.cli.Watch(ctx, "x/a", append(opts, clientv3.WithCreatedNotify())...)
			p.set(what, fmt.Sprintf("created %t canceled %t events %d at +%d, progress %t, cluster %t: %s", response.Created,
				response.Canceled, len(response.Events), response.Header.Revision-p.rev, response.IsProgressNotify(),
				response.Header.ClusterId != 0, told(response.Err())))
		}
		p.flush()
		cancel()
	}},
	{"progress", "Watcher.RequestProgress WatchResponse.IsProgressNotify WithProgressNotify", func(p *play) {
		ctx, cancel := context.WithCancel(p)
		tagged := metadata.AppendToOutgoingContext(ctx, "tag", "other")
		watches := []clientv3.WatchChan{
			p.cli.Watch(ctx, "x/a", clientv3.WithProgressNotify()), p.cli.Watch(ctx, "x/b"), p.cli.Watch(tagged, "x/a"),
		}
		for _, watch := range watches {
			must(p.cli.Put(p, "x/a", "1"))
			must(p.cli.Put(p, "x/b", "1"))
			events(p, "before", watch, 1)
		}
		events(p, "before", watches[0], 2)
		events(p, "before", watches[1], 2)
		events(p, "before", watches[2], 2)
		p.tell("asked", nil, p.cli.RequestProgress(ctx))
		for _, watch := range watches[:2] {
			response := <-watch
			p.say("progress %t at +%d: %s", response.IsProgressNotify(), response.Header.Revision-p.rev, told(response.Err()))
		}
		must(p.cli.Put(p, "x/a", "2"))
		events(p, "the other context gets none", watches[2], 1)
		p.tell("without a watch", nil, p.cli.RequestProgress(metadata.AppendToOutgoingContext(ctx, "tag", "none")))
		cancel()
	}},
	{"compacted", "WatchResponse.Err", func(p *play) {
		last := write(p)
		must(p.cli.Compact(p, last-1))
		watch := p.cli.Watch(p, "x/", clientv3.WithPrefix(), clientv3.WithRev(last-3))
		response := <-watch
		compacted := response.CompactRevision
		if engine.Lossy(strings.TrimPrefix(cluster.Member(0).Version(), "v")) {
			compacted = min(compacted, last-1) // the deletions of that revision are lost, so the adapter names the next one
		}
		p.say("compacted +%d, canceled %t, %t: %s", compacted-p.rev, response.Canceled,
			response.Err() == rpctypes.ErrCompacted, told(response.Err()))
		_, open := <-watch
		p.say("open: %t", open)
	}},
	{"in the future", "WithRev", func(p *play) {
		ctx, cancel := context.WithCancel(p)
		watch := p.cli.Watch(ctx, "x/", clientv3.WithPrefix(), clientv3.WithRev(p.rev+4))
		write(p)
		events(p, "future", watch, 1)
		cancel()
		ended(p, "future", watch)
	}},
}
