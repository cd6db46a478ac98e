// SPDX-License-Identifier: Apache-2.0

package call

import (
	"testing"

	"google.golang.org/grpc/metadata"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func newPool(t *testing.T) *pool {
	t.Helper()
	return &pool{shared: newCommon(Config{Life: t.Context()}), hedge: func(*unary) {}}
}

func TestPoolKeepsOnlyCallsThatNothingDisturbed(t *testing.T) {
	for name, tt := range map[string]struct {
		disturb func(*unary)
		kept    bool
	}{
		"nothing happened":      {func(*unary) {}, true},
		"its caller ended it":   {func(u *unary) { u.abort() }, false},
		"its timer had fired":   {func(u *unary) { u.spoilt = true }, false},
		"it left its link":      {func(u *unary) { u.state = left; u.cancel() }, false},
		"its deadline went by":  {func(u *unary) { u.state = expired; u.cancel() }, false},
		"a renewed one is fine": {func(u *unary) { u.state = left; u.cancel(); u.renew(t.Context()) }, true},
	} {
		p := newPool(t)
		u := p.get(read)
		u.parent, u.args, u.reply = t.Context(), &pb.RangeRequest{}, &pb.RangeResponse{}
		u.options.Endpoint, u.timed = "a:1", true
		tt.disturb(u)
		p.put(u)
		if kept := u.ctx.Err() == nil; kept != tt.kept {
			t.Errorf("%s: kept: %t, want %t", name, kept, tt.kept)
		}
		if tt.kept && (u.parent != nil || u.args != nil || u.reply != nil || u.options.Endpoint != "" || u.timed) {
			t.Errorf("%s: the pool holds on to %+v", name, u.options)
		}
		u.cancel()
	}
}

func TestOnlyWritesAskForALeader(t *testing.T) {
	p := newPool(t)
	for kind, want := range map[traits]bool{read: false, local: false, read | slow: false, 0: true, slow: true} {
		for range 3 { // new, and perhaps reused
			u := p.get(kind)
			md, _ := metadata.FromOutgoingContext(u.context(t.Context()))
			if got := len(md.Get("hasleader")) > 0; got != want {
				t.Errorf("traits %b: asks for a leader: %t, want %t", kind, got, want)
			}
			u.parent = t.Context()
			p.put(u)
		}
	}
}
