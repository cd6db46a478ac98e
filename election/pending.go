// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"

	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Pending is a campaign under way. Its methods are safe for concurrent use.
type Pending struct {
	done     chan struct{}
	response *v3electionpb.CampaignResponse
	err      error
}

// CampaignRequest begins a [Campaign] and returns at once, even if the request is refused. The campaign ends with parent, and
// with the connection.
func CampaignRequest(parent context.Context, c Request) *Pending {
	p := &Pending{done: make(chan struct{})}
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil || parent == nil {
		p.response, p.err = Campaign(parent, c)
		close(p.done)
		return p
	}
	err = to.Go(func(life context.Context) {
		defer close(p.done)
		campaigning, cancel := context.WithCancelCause(parent)
		defer cancel(nil)
		defer context.AfterFunc(life, func() { cancel(context.Cause(life)) })()
		p.response, p.err = Campaign(campaigning, c)
	})
	if err != nil {
		p.err = err
		close(p.done)
	}
	return p
}

// Done returns a channel that is closed when the campaign is over: won or failed.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Response waits until the campaign is over, and returns what [Campaign] returns.
func (p *Pending) Response() (*v3electionpb.CampaignResponse, error) {
	<-p.done
	return p.response, p.err
}
