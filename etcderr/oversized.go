// SPDX-License-Identifier: Apache-2.0

package etcderr

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// defaultReceiveLimit is what a gRPC client takes that is not told otherwise.
const defaultReceiveLimit = 4 << 20

// A message that is over somebody's limit.
type oversize uint8

const (
	nothing oversize = iota
	answer           // of the server, over the limit of this side
	message          // over the limit of who received it: the request at the server, or the answer on this side
)

// oversized recognises what gRPC says of a message over a limit, and returns that limit. Both sides have the same words for
// what they receive. Where it is the server's gRPC layer, it turns the request away before etcd sees it, which etcd allows
// from 512 KiB above its own limit on.
func oversized(s *status.Status) (limit int, of oversize) {
	if s.Code() != codes.ResourceExhausted {
		return 0, nothing
	}
	text := s.Message()
	switch {
	case strings.HasPrefix(text, "grpc: received message larger than max length allowed on current machine"):
		of = answer // etcd runs on none so small
	case strings.HasPrefix(text, "grpc: received message larger than max"),
		strings.HasPrefix(text, "grpc: received message after decompression larger than max"),
		strings.HasPrefix(text, "grpc: message after decompression larger than max"):
		of = message
	default:
		return 0, nothing
	}
	words := strings.Fields(strings.TrimSuffix(text, ")"))
	limit, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return 0, nothing
	}
	return limit, of
}

func (c Call) receiveLimit() int {
	if c.ReceiveLimit > 0 {
		return c.ReceiveLimit
	}
	return defaultReceiveLimit
}

// answerTooLarge is the limit of this side that an answer is over. The request has had its effect.
type answerTooLarge int

func (a answerTooLarge) Error() string {
	return fmt.Sprintf("the answer is larger than the %d bytes that this side takes (grpc.MaxCallRecvMsgSize)", int(a))
}
