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

// Mode says how many of its endpoints a connection uses at a time.
type Mode uint8

const (
	// ConnectAll connects to every endpoint, and sends requests to the Active ones in turn, but see [WithoutBatching]. It is the default.
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

// Option is an option of [Open] and [Share]. A later option replaces an earlier one of the same
// function, but WithDialOptions and WithHooks add to it.
type Option func(*options)

// options holds what the options of Open set.
type options struct {
	engine.Config
	mode           Mode
	credentials    bool
	user, password string
	asks           bool
	autoSync       bool
	listener       func(Endpoint)
	hooks          []Hook
	batching       *bool // nil: as it suits the dial options
}

func newOptions(opts []Option) (*options, error) {
	o := &options{Config: engine.Default()}
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	o.Batching = len(o.Dial) == 0
	if o.batching != nil {
		o.Batching = *o.batching
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
	if o.Files != nil {
		var err error
		if o.TLS, err = o.Files.Open(o.TLS); err != nil {
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
	for _, h := range o.hooks {
		if !known(h) {
			refuse("WithHooks: %T is none of CallHook, AttemptHook, StreamHook and EndpointHook", h)
		}
	}
	return o, connerr.All(errs...)
}

// config returns the configuration of the connection.
func (o *options) config() engine.Config {
	config := o.Config
	config.Random = o.mode == Random
	if listen := listenWith(o.listener, o.hooks); listen != nil {
		config.Listener = func(conn string, s member.Snapshot) { listen(endpointOf(conn, s)) }
	}
	config.Hooks = hooksFor(o.hooks)
	return config
}

// minSyncInterval protects the cluster from an interval in the wrong unit.
const minSyncInterval = time.Second

// WithMode chooses between [ConnectAll], the default, and [Random].
func WithMode(mode Mode) Option { return func(o *options) { o.mode = mode } }

// WithTLS encrypts the connection. A client certificate in the configuration makes TLS mutual. The configuration is
// cloned. Without a ServerName in it, each server must prove the host name of its endpoint. Without this option, an
// https endpoint is verified against the system's roots, and an endpoint without a scheme is not encrypted.
func WithTLS(config *tls.Config) Option {
	return func(o *options) {
		if config != nil {
			config = config.Clone()
		}
		o.TLS = config
	}
}

// WithTLSFiles encrypts the connection as [WithTLS] does, with certificates from PEM files: the authorities to verify
// servers against, and a client certificate with its key. An empty ca stands for the system's roots, and an empty cert
// and key for no client certificate. The files are read again for each new transport, so renewed certificates need no
// restart. Established transports stay. If the files cannot be used, for example while they are being written, the
// error is logged and the last good ones stay in use. Together with [WithTLS] the files supply the certificates, and its
// configuration everything else, such as a ServerName.
//
// Open returns ErrOption if it cannot use the files, if only one of cert and key is given, or if the configuration of
// WithTLS has authorities or a client certificate as well.
func WithTLSFiles(ca, cert, key string) Option {
	return func(o *options) { o.Files = &member.TLSFiles{Paths: [3]string{ca, cert, key}} }
}

// WithCredentials authenticates the connection as this user. One token serves all endpoints and requests. When servers
// refuse it, for example after a restart, the connection gets a new one, once for all calls and streams that were refused,
// and these go on. On servers without authentication the option has no effect, until authentication is turned on. With a
// wrong password Open fails with etcderr.ErrAuthFailed. With [WithLazy] the endpoints stay Frozen for that reason. An empty
// user or password is ErrOption. No error and no log shows the password or a token. Without TLS both cross the network
// unencrypted.
func WithCredentials(user, password string) Option {
	return func(o *options) { o.credentials, o.user, o.password = true, user, password }
}

// WithCredentialsFunc is [WithCredentials] for a user or password that changes while the connection is open. The connection
// calls f for each authentication, on a goroutine of its own. One call of f serves all that wait for it. The context of f
// ends after the default timeout ([WithDefaultTimeout]), and when the connection closes. A request waits for f only until
// its own deadline. While f does not return, the connection gets no other token, and Close returns an error after 5 s. A
// token from an earlier authentication stays in use until the servers refuse it. An error or a panic of f, and an empty
// user or password, fail the authentication. The error then holds that of f, and its text gets into the log, so it must
// not show a secret. [WriteInfo] and package conn/debug show the type of that error only. Open returns ErrOption if f is
// nil, or if [WithCredentials] is given too.
func WithCredentialsFunc(f func(parent context.Context) (user, password string, err error)) Option {
	return func(o *options) { o.asks, o.Credentials = true, f }
}

// WithConnectTimeout bounds one attempt to connect to an endpoint, with TLS and the first health check, and each later
// health check. The default is 1 s, and a value that is not positive is ErrOption. An authentication has the default
// timeout ([WithDefaultTimeout]) in addition, because servers need long to check a password. A member that is connected
// but late is asked again over the same connection, with twice the timeout and then four times, so that a busy cluster
// can serve all its clients after its return. A member that advertises several client URLs is dialled again by all of them
// instead. The timeout counts only time in which this process can run. In a process with little CPU an attempt may take up
// to ten times as long.
func WithConnectTimeout(d time.Duration) Option { return func(o *options) { o.ConnectTimeout = d } }

// WithHealthCheckInterval sets how often an Active endpoint is asked for its health and its leader. The default is 15
// s. An endpoint that is slow to answer a request is asked at once, whatever the interval.
func WithHealthCheckInterval(d time.Duration) Option {
	return func(o *options) { o.CheckInterval = d }
}

// WithAutoSync makes the connection follow the members of the cluster. It calls [Conn.Sync] after the opening, and then
// after each interval, with a jitter of 5 %. An interval below 1 s is ErrOption. A failed sync is logged and changes
// nothing. By default the endpoints stay those of Open.
func WithAutoSync(interval time.Duration) Option {
	return func(o *options) { o.autoSync, o.AutoSync = true, interval }
}

// WithHedgeDelay sets how long a call may be without an answer before its endpoint is suspected. Then the endpoint's
// health is checked, and a read is sent to a second endpoint as well, again while that fails in a way that
// passes. The first answer wins. The default is 500 ms. A delay that is not positive is ErrOption.
func WithHedgeDelay(d time.Duration) Option { return func(o *options) { o.HedgeDelay = d } }

// WithPatience sets how long calls wait through an outage of all endpoints. During the outage, a call waits for an
// Active endpoint. Once the outage has lasted for the patience, calls return ErrUnavailable at once. So a restart of
// the only member fails no call, and a long outage does not delay callers. A call to one endpoint depends on the outage
// of that endpoint. The default is 5 s. With 0 no call waits. A negative value is ErrOption.
func WithPatience(d time.Duration) Option { return func(o *options) { o.Patience = d } }

// WithDefaultTimeout sets the time limit of a call, retries included, if neither its context nor [Within] (for
// requests: WithTimeout) sets one. The default is 5 s. Servers give up a request that they cannot commit after 6 s to 7
// s. A value below 1 ms is ErrOption. The option also limits how long watch.Watch waits for the creation of the watch,
// and lease.KeepAlive for the first renewal. Calls that wait for other clients or for the end of an outage, such as
// lock.Do, election.Run, presence.Keep and table.Follow, calls whose time depends on the size of the database, such as
// maintenance.Defragment, and other streams have no default limit. The documentation of WithTimeout lists them all.
func WithDefaultTimeout(d time.Duration) Option { return func(o *options) { o.DefaultTimeout = d } }

// WithBackoff sets the pauses between attempts to reconnect. The connection calls newBackoff once for each endpoint that
// needs a pause, since a backoff is not safe to share. When the backoff returns backoff.Stop, it is reset, so the attempts never end.
// The default is 200 ms, doubled up to 25.6 s and then again from 200 ms, with a jitter of 20 %. While no endpoint is
// Active, the default pause is at most 1 s. A backoff of your own is not shortened in this way.
//
// With either backoff, the first attempt comes at once after the loss of a connection. A call that finds no endpoint
// Active brings the next attempt forward, up to four times a second.
func WithBackoff(newBackoff func() backoff.BackOff) Option {
	return func(o *options) { o.Backoff = newBackoff }
}

// WithLazy makes Open return at once. Every endpoint is Frozen until it has connected; see [Conn.WaitReady].
func WithLazy() Option { return func(o *options) { o.Lazy = true } }

// WithLogger sets the logger for changes of the endpoints' states: Info when an endpoint becomes Active, Warn when it
// freezes, Debug for a failed attempt to reconnect. No value, password or token is ever logged. The default is no log.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.Log = log } }

// WithDialOptions adds gRPC dial options after the SDK's own, such as interceptors or a stats handler. A service config
// has no effect, because the SDK does its own retries and knows which writes must not be sent twice. Nor has an idle timeout, because
// the SDK keeps its connections open to see their loss.
//
// With dial options each endpoint has a gRPC client of its own, since interceptors may tell endpoints apart by it. Without them all
// endpoints share one, which saves three goroutines and 10 kB for each further endpoint.
func WithDialOptions(opts ...grpc.DialOption) Option {
	opts = slices.DeleteFunc(slices.Clone(opts), func(o grpc.DialOption) bool { return o == nil })
	return func(o *options) { o.Dial = append(o.Dial, opts...) }
}

// WithoutBatching sends each read in a request of its own.
//
// By default, reads of single keys that are made at the same time travel together, as one transaction that only reads. A read waits
// for company only while another one of the connection is under way: for a millisecond, and for up to 50 ms while answers take
// much longer than the way to the server, because a server or this process is busy. It waits no longer than its deadline allows,
// as far as earlier answers tell. Several times as many reads per second are possible that way, at a fraction of the CPU time. Each
// read keeps its own deadline, context and error, and its answer is as new as that of a request of its own.
//
// Reads always go alone that name an endpoint, a revision or a range, that have outgoing metadata or call options of gRPC, or whose key
// has more than 4 KiB. So do those of a key once it is known that its value has 32 KiB or more, or that the server refuses to tell it.
// All reads of etcd 3.4.14 to 3.4.22 and 3.5.0 to 3.5.6 go alone, because these may crash when such a transaction is cancelled.
//
// Linearizable reads that travel together go to the leader if it is one of the endpoints. It has to confirm them whichever member they go
// to, so others take longer. The checks of the endpoints tell which one leads ([WithHealthCheckInterval]). While none or several do, or the
// leader is so busy that its answers take half as long again as those of another member, these reads go to the Active endpoints in
// turn, as one in 32 of their requests always does. An endpoint that is etcd's gRPC proxy does not count as the leader here.
//
// etcd's gRPC proxy may answer a serializable read from what it remembers. It never does so for reads that travel together.
//
// Batching is off where WithDialOptions is given: an interceptor or a stats handler would see KV/Txn without the context of the
// caller. [WithBatching] switches it on there.
func WithoutBatching() Option { return batching(false) }

// WithBatching lets concurrent reads travel together even where WithDialOptions is given. See [WithoutBatching].
func WithBatching() Option { return batching(true) }

func batching(on bool) Option { return func(o *options) { o.batching = &on } }

// WithStateListener calls f with the first state of each endpoint and with every change of it, in order, one call at a
// time, with no lock held. A slow f does not slow the connection down. If more than 1024 changes wait for it, the
// newest are dropped and logged. f must not close its own connection, because Close waits for f.
func WithStateListener(f func(Endpoint)) Option { return func(o *options) { o.listener = f } }

// WithHooks has these hooks observe the connection and its namespaces, in this order and after the hooks of an earlier WithHooks. Their
// ends are told in reverse order. A value that implements none of [CallHook], [AttemptHook], [StreamHook] and [EndpointHook] is
// ErrOption. Without hooks nothing is spent on them. The module otel beside this one has a hook for OpenTelemetry.
func WithHooks(hooks ...Hook) Option {
	hooks = slices.Clone(hooks)
	return func(o *options) { o.hooks = append(o.hooks, hooks...) }
}
