// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"net"
	"strconv"
	"strings"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

// The attributes that the conventions do not have.
const (
	connectionKey = attribute.Key("etcd.connection")     // the name of the connection
	outcomeKey    = attribute.Key("etcd.outcome")        // what became of the request: done, not sent, rejected or unknown
	attemptsKey   = attribute.Key("etcd.attempts")       // of a call
	hedgedKey     = attribute.Key("etcd.hedged")         // whether a second endpoint was asked
	batchedKey    = attribute.Key("etcd.batched")        // whether the result is that of a batch
	numberKey     = attribute.Key("etcd.attempt.number") // from 1
	kindKey       = attribute.Key("etcd.attempt.kind")   // first, hedge or resend
	lostKey       = attribute.Key("etcd.attempt.lost")   // another attempt answered first
	stateKey      = attribute.Key("etcd.endpoint.state") // active or frozen
	watchStateKey = attribute.Key("etcd.watch.state")    // in step, out of step or parked
	keysKey       = attribute.Key("etcd.keys")           // of a request
)

// system is the name of the database.
var system = semconv.DBSystemNameKey.String("etcd")

// operationOf returns the last part of a gRPC path, such as Range.
func operationOf(method string) string { return method[strings.LastIndexByte(method, '/')+1:] }

// serverOf appends the host and the port of an endpoint, in any spelling that conn.Open takes, or the path of a socket.
func serverOf(all []attribute.KeyValue, endpoint string) []attribute.KeyValue {
	if endpoint == "" {
		return all
	}
	scheme, rest, found := strings.Cut(endpoint, "://")
	if !found {
		rest = endpoint
	} else if strings.HasPrefix(strings.ToLower(scheme), "unix") {
		return append(all, semconv.ServerAddress(rest))
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return append(all, semconv.ServerAddress(rest))
	}
	all = append(all, semconv.ServerAddress(host))
	if n, err := strconv.Atoi(port); err == nil {
		all = append(all, semconv.ServerPort(n))
	}
	return all
}

// failure appends the type of an error: its gRPC code, which says nothing about the request's contents.
func failure(all []attribute.KeyValue, err error) []attribute.KeyValue {
	if err == nil {
		return all
	}
	return append(all, semconv.ErrorTypeKey.String(codeOf(err)))
}

// codeOf returns the gRPC code of an error as gRPC's specification writes it, such as DEADLINE_EXCEEDED.
func codeOf(err error) string {
	code := status.Code(err)
	switch {
	case code == codes.Canceled:
		return "CANCELLED" // the one code that Go spells differently
	case code == codes.OK || code > codes.Unauthenticated:
		code = codes.Unknown
	}
	var b strings.Builder
	for i, r := range code.String() {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// outcomeOf returns what became of a request.
func outcomeOf(err error) attribute.KeyValue {
	if err == nil {
		return outcomeKey.String("done")
	}
	return outcomeKey.String(etcderr.OutcomeOf(err).String())
}

// describe returns etcd's own text of an error, if it is one, and the code otherwise. Other texts may show what nobody asked for.
func describe(err error) string {
	if s, ok := status.FromError(err); ok {
		if known, ok := etcderr.FromMessage(s.Message()); ok {
			return known.Error()
		}
	}
	return codeOf(err)
}
