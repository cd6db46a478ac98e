// SPDX-License-Identifier: Apache-2.0

package call

import (
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/internal/member"
)

// budget bounds the extra requests of a connection: retries of what was sent, and hedges. In quiet times it is full,
// so every call that a dying member leaves unanswered can be sent again at once. Once it is spent, more retries wait
// until successes and time have refilled it. So an outage does not become a storm.
type budget struct {
	tokens   atomic.Int64 // in thousandths
	refilled atomic.Int64 // when time last refilled it, by member.Clock: a clock that is set back must not stop the refills
}

const (
	token        = 1000
	budgetSize   = 1024 * token
	perSuccess   = token / 10
	perSecond    = 20 * token
	perTokenTime = int64(time.Second) / (perSecond / token)
)

func newBudget() *budget {
	b := &budget{}
	b.tokens.Store(budgetSize)
	b.refilled.Store(int64(member.Clock()))
	return b
}

// credit records a successful call. With a full budget, the common case, it costs one load.
func (b *budget) credit() {
	if b.tokens.Load() < budgetSize {
		b.tokens.Add(perSuccess)
	}
}

// take takes the cost of one more request, and reports whether the budget had enough.
func (b *budget) take() bool {
	b.refill()
	if b.tokens.Add(-token) >= 0 {
		return true
	}
	b.tokens.Add(token)
	return false
}

// spare is take for a hedge that is sent again. It leaves half of the budget to first hedges and to retries.
func (b *budget) spare() bool {
	b.refill()
	return b.tokens.Load() > budgetSize/2 && b.take()
}

func (b *budget) refill() {
	last := b.refilled.Load()
	elapsed := int64(member.Clock()) - last
	if elapsed < perTokenTime || !b.refilled.CompareAndSwap(last, last+elapsed) {
		return
	}
	gain := min(elapsed/perTokenTime*token, budgetSize)
	if room := budgetSize - b.tokens.Load(); gain > room {
		gain = room
	}
	if gain > 0 {
		b.tokens.Add(gain)
	}
}

// left returns how many requests the budget has left, and how many a full one has.
func (b *budget) left() (left, full int) {
	b.refill()
	return int(max(0, b.tokens.Load()) / token), budgetSize / token
}
