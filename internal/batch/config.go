// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/gen/batchpb"
)

// Config is what a connection gives its batches.
type Config struct {
	// Send makes one call for a trip. It ends with parent or at the deadline, and tells p what it does. riders are the contexts of
	// those who travel, where the connection is observed.
	Send func(
		parent context.Context, riders []context.Context, deadline time.Time, kind Kind, request *batchpb.Reads, answer *Answers,
		p *Progress,
	) error
	// Observed says that Send wants the contexts of the riders.
	Observed bool
	// Private says that Send shows the messages of a trip to nobody who may keep them, so that their memory may serve other trips.
	Private bool
	// Go runs f on a goroutine that the connection joins. On a closed connection it returns an error and does not run f.
	Go func(f func(life context.Context)) error
}

// Kind tells reads that see the newest write from those that any member answers by itself. They do not travel together.
type Kind uint8

const (
	Linearizable Kind = iota
	Serializable
)
