// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Config is what a connection is opened with. Package conn documents each field as an option, and checks it.
type Config struct {
	Random         bool
	TLS            *tls.Config
	Files          *member.TLSFiles                                         // of which TLS is the first reading
	Credentials    func(context.Context) (user, password string, err error) // nil: there are none
	ConnectTimeout time.Duration
	CheckInterval  time.Duration
	AutoSync       time.Duration // 0: never
	HedgeDelay     time.Duration
	Patience       time.Duration
	DefaultTimeout time.Duration
	Backoff        func() backoff.BackOff
	Lazy           bool
	Batching       bool
	Log            *slog.Logger
	Dial           []grpc.DialOption
	Listener       func(conn string, s member.Snapshot) // nil: there is none
	Hooks          *hook.Hooks
	Network        member.Network
}

// Default returns the configuration without any option.
func Default() Config {
	return Config{
		ConnectTimeout: time.Second,
		CheckInterval:  15 * time.Second,
		HedgeDelay:     500 * time.Millisecond,
		Patience:       5 * time.Second,
		DefaultTimeout: 5 * time.Second,
		Batching:       true,
		Backoff:        member.Reconnection,
		Log:            slog.New(slog.DiscardHandler),
		Hooks:          &hook.Hooks{},
		Network:        member.SystemNetwork(),
	}
}
