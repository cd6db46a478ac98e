// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Mode says to how many of its endpoints a connection connects.
type Mode uint8

const (
	// ConnectAll connects to every endpoint and sends requests to the Active ones in turn. It is the default.
	ConnectAll Mode = iota
	// Random connects to one endpoint, chosen at random, and moves on to another when that one fails.
	Random
)

// String returns "ConnectAll" or "Random".
func (m Mode) String() string {
	switch m {
	case ConnectAll:
		return "ConnectAll"
	case Random:
		return "Random"
	default:
		return fmt.Sprintf("Mode(%d)", uint8(m))
	}
}

// Option is an option of [Open].
type Option func(*options)

// options are what the options of Open set.
type options struct {
	engine.Config
	mode           Mode
	credentials    bool
	user, password string
	asks           bool
	autoSync       bool
	listener       func(Endpoint)
}

func newOptions(opts []Option) (*options, error) {
	o := &options{Config: engine.Default()}
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrOption}, args...)...))
	}
	if o.mode > Random {
		refuse("WithMode(%v): want ConnectAll or Random", o.mode)
	}
	switch {
	case o.asks && o.Credentials == nil:
		refuse("WithCredentialsFunc(nil)")
	case o.asks && o.credentials:
		refuse("WithCredentials and WithCredentialsFunc exclude each other")
	case o.credentials && (o.user == "" || o.password == ""):
		refuse("WithCredentials: want a user and a password")
	case o.credentials:
		o.Credentials = func(context.Context) (string, string, error) { return o.user, o.password, nil }
	}
	switch {
	case o.Files == nil:
	case o.TLS != nil:
		refuse("WithTLS and WithTLSFiles exclude each other")
	default:
		var err error
		if o.TLS, err = o.Files.Open(); err != nil {
			refuse("WithTLSFiles: %w", err)
		}
	}
	if o.ConnectTimeout <= 0 {
		refuse("WithConnectTimeout(%v): must be positive", o.ConnectTimeout)
	}
	if o.CheckInterval <= 0 {
		refuse("WithHealthCheckInterval(%v): must be positive", o.CheckInterval)
	}
	if o.autoSync && o.AutoSync < minSyncInterval {
		refuse("WithAutoSync(%v): must be at least %v", o.AutoSync, minSyncInterval)
	}
	if o.HedgeDelay <= 0 {
		refuse("WithHedgeDelay(%v): must be positive", o.HedgeDelay)
	}
	if o.DefaultTimeout < time.Millisecond {
		refuse("WithDefaultTimeout(%v): must be at least 1ms", o.DefaultTimeout)
	}
	if o.Patience < 0 {
		refuse("WithPatience(%v): must not be negative", o.Patience)
	}
	if o.Backoff == nil {
		refuse("WithBackoff(nil)")
	}
	if o.Log == nil {
		refuse("WithLogger(nil)")
	}
	return o, connerr.All(errs...)
}

// config is the configuration of the connection.
func (o *options) config() engine.Config {
	config := o.Config
	config.Random = o.mode == Random
	if o.listener != nil {
		config.Listener = func(conn string, s member.Snapshot) { o.listener(endpointOf(conn, s)) }
	}
	return config
}

// minSyncInterval keeps a mistaken unit from becoming a load on the cluster.
const minSyncInterval = time.Second

// WithMode chooses between [ConnectAll], the default, and [Random].
func WithMode(mode Mode) Option { return func(o *options) { o.mode = mode } }

// WithTLS encrypts the connection. A client certificate in the configuration makes it mutual. The configuration is
// cloned. Where ServerName is empty, each server must prove the host name of its endpoint. Without this option an https
// endpoint is verified against the system's roots, and an endpoint without a scheme is in the clear.
func WithTLS(config *tls.Config) Option {
	return func(o *options) {
		if config != nil {
			config = config.Clone()
		}
		o.TLS = config
	}
}

// WithTLSFiles encrypts the connection as WithTLS does, with what PEM files hold: the authorities that servers are verified
// against, and a client certificate with its key. "" stands for what is not there: without ca the system's roots serve,
// without cert and key no client certificate is shown. Each connection that is made reads the files again, so that renewed
// ones come into use without a restart; connections that stand stay. Where they cannot be used, as while they are being
// written, that is logged and the last good ones serve on.
//
// Files that cannot be used at [Open], one of cert and key without the other, and [WithTLS] beside it are ErrOption.
func WithTLSFiles(ca, cert, key string) Option {
	return func(o *options) { o.Files = &member.TLSFiles{Paths: [3]string{ca, cert, key}} }
}

// WithCredentials has the connection authenticate as this user. It gets one token for all its endpoints and requests,
// and another one when that is refused, as after a restart of the servers: once for all calls and streams that are
// refused, which then go on. On servers without auth it is no error, and is used once auth is turned on. With a wrong
// password Open fails, and an endpoint stays Frozen, with etcderr.ErrAuthFailed. An empty user or password is
// ErrOption. Neither password nor token is ever in an error or a log; without WithTLS they go over the network in the
// clear.
func WithCredentials(user, password string) Option {
	return func(o *options) { o.credentials, o.user, o.password = true, user, password }
}

// WithCredentialsFunc is WithCredentials for a user or a password that may change while the connection is open. f is asked
// each time that the connection authenticates, by one goroutine at a time, within a context that bounds the attempt. A token
// that was given out before stays in use until the servers refuse it. An error of f, like an empty user or password, fails
// the authentication; the error then holds that of f, which must not tell a secret. A panic of f is such an error too, as
// the connection asks f on goroutines of its own. Nil, and [WithCredentials] beside it,
// are ErrOption.
func WithCredentialsFunc(f func(parent context.Context) (user, password string, err error)) Option {
	return func(o *options) { o.asks, o.Credentials = true, f }
}

// WithConnectTimeout bounds one attempt to connect to an endpoint, TLS and the first health check included, and every
// later health check. To authenticate has the default timeout for itself ([WithDefaultTimeout]), as the check of a password
// is expensive for the server. The default is 1 s. It is counted in time in which this process is able to run: with little
// CPU an attempt may take up to ten times as long.
func WithConnectTimeout(d time.Duration) Option { return func(o *options) { o.ConnectTimeout = d } }

// WithHealthCheckInterval sets how often an Active endpoint is asked for its health and its leader. The default is
// 15 s. An endpoint that is slow to answer a request is asked at once, whatever the interval.
func WithHealthCheckInterval(d time.Duration) Option {
	return func(o *options) { o.CheckInterval = d }
}

// WithAutoSync has the connection follow the members of the cluster: [Conn.Sync] once it is open, and again after each
// interval, give or take 5 %. Less than 1 s is ErrOption. A sync that fails is logged, and changes nothing. By default
// the endpoints are those given to Open.
func WithAutoSync(interval time.Duration) Option {
	return func(o *options) { o.autoSync, o.AutoSync = true, interval }
}

// WithHedgeDelay sets after how long without an answer an endpoint is suspected: it is asked for its health, and a read
// is sent to a second endpoint as well, where the first answer wins. The default is 500 ms.
func WithHedgeDelay(d time.Duration) Option { return func(o *options) { o.HedgeDelay = d } }

// WithPatience sets how long an outage of all endpoints may last before calls fail with ErrUnavailable. Until then a call
// with time left waits for an endpoint to become Active; later ones fail at once. So a restart of the only member goes
// unnoticed, and a long outage does not hold its callers up. A call for one endpoint waits for that one, as long as its own
// outage has not lasted for so long. The default is 5 s. With 0 no call waits. A negative patience is ErrOption.
func WithPatience(d time.Duration) Option { return func(o *options) { o.Patience = d } }

// WithDefaultTimeout sets how long a call may take, retries included, for which neither its context nor [Within] (the
// WithTimeout of a request) sets a time. The default is 5 s, which is less than the 6 s to 7 s after which a server gives up
// a request that it cannot commit. Less than 1 ms is ErrOption. It is also how long watch.Watch waits for the watch to be
// created, and lease.KeepAlive for the first renewal. Other streams have no default, nor do calls that wait for others
// (Lock, Campaign).
func WithDefaultTimeout(d time.Duration) Option { return func(o *options) { o.DefaultTimeout = d } }

// WithBackoff sets how long to wait between attempts to reconnect. The function is called once for each endpoint, since
// a backoff is not safe to share. The wait starts anew when it returns backoff.Stop: member.Reconnection never ends. The
// default is 200 ms doubling to 25.6 s, then again from 200 ms, with a jitter of 20 %, and at most 1 s while no endpoint is
// Active; a backoff of the user's is not shortened so. The first attempt after the loss of a connection comes at once, and
// a call that finds no endpoint Active brings the next one forward, with either backoff, up to four times a second.
func WithBackoff(newBackoff func() backoff.BackOff) Option {
	return func(o *options) { o.Backoff = newBackoff }
}

// WithLazy makes Open return at once, with every endpoint Frozen until it has connected; see [Conn.WaitReady].
func WithLazy() Option { return func(o *options) { o.Lazy = true } }

// WithLogger sets where changes of the endpoints' states are logged: Info when one becomes Active, Warn when one
// freezes, Debug for an attempt to reconnect that failed. No value, password or token is ever logged. The default is
// not to log.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.Log = log } }

// WithDialOptions adds gRPC dial options behind the SDK's own, such as interceptors or a stats handler. A service config
// has no effect: the SDK retries by itself, and knows which writes must not be sent twice.
func WithDialOptions(opts ...grpc.DialOption) Option {
	opts = slices.DeleteFunc(slices.Clone(opts), func(o grpc.DialOption) bool { return o == nil })
	return func(o *options) { o.Dial = append(o.Dial, opts...) }
}

// WithStateListener has f called with each endpoint's first state and with every change of it, in order, one call at a
// time, with no lock held. It may be slow without slowing the connection; of changes that outrun it by more than 1024
// the newest are dropped and logged. It must not call Close on its own connection, which waits for it.
func WithStateListener(f func(Endpoint)) Option { return func(o *options) { o.listener = f } }
