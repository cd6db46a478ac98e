// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/codec"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Config holds what the calls of one connection have in common.
type Config struct {
	Connection     string // its name
	Hooks          *hook.Hooks
	Links          Links
	Life           context.Context // of the connection
	Tokens         *member.Tokens  // nil without credentials
	HedgeDelay     time.Duration
	DefaultTimeout time.Duration
	Dial           []grpc.DialOption // of the user's, which may hold limits for all calls

	// Go runs f on a goroutine that the connection joins. On a closed connection it returns an error and does not run f.
	Go func(f func(life context.Context)) error
	// Batching lets concurrent reads of single keys travel together.
	Batching bool
}

// common is shared by the calls of one connection.
type common struct {
	Config
	budget *budget
	limits func() Limits // that the dial options set for all calls
}

func newCommon(c Config) *common {
	return &common{Config: c, budget: newBudget(), limits: sync.OnceValue(func() Limits { return limitsOf(c.Dial) })}
}

// shown reports whether somebody else sees the messages of the calls, and may keep them: an interceptor of the program, its codec, or
// gRPC's page /debug/requests.
func (c *common) shown() bool { return len(c.Dial) > 0 || grpc.EnableTracing || codec.Replaced() }
