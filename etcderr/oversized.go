// SPDX-License-Identifier: Apache-2.0

package etcderr

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// defaultReceiveLimit is the default limit of a gRPC client.
const defaultReceiveLimit = 4 << 20

// oversize says which message is over whose limit.
type oversize uint8

const (
	nothing oversize = iota
	answer           // of the server, over the limit of this side
	message          // over the limit of its receiver: the request at the server, or the answer on this side
)

// oversized recognises gRPC's text for a message over a limit, and returns that limit. Both sides use the same text for
// what they receive. The server's gRPC layer refuses such a request before etcd sees it. Its limit is 512 KiB above
// etcd's own.
func oversized(s *status.Status) (limit int, of oversize) {
	if s.Code() != codes.ResourceExhausted {
		return 0, nothing
	}
	text := s.Message()
	switch {
	case strings.HasPrefix(text, "grpc: received message larger than max length allowed on current machine"):
		of = answer // no etcd has a limit as low as this one
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

// answerTooLarge is the limit of this side that an answer exceeds. The request has taken effect.
type answerTooLarge int

func (a answerTooLarge) Error() string {
	return fmt.Sprintf("the answer is larger than the %d bytes that this side takes (grpc.MaxCallRecvMsgSize)", int(a))
}
