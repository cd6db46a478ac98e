// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// Run waits until the candidate leads, and runs a function. The guard has the server refuse the write of a former leader.
func Example() {
	ctx := context.Background()
	candidate := election.New("registry").WithName("scheduler").WithValue("10.0.0.1")
	err := election.Run(ctx, candidate, 10*time.Second,
		func(leading context.Context, l *election.Leadership) error {
			leader, err := election.Leader(leading, election.New("registry").WithName("scheduler"))
			if err != nil {
				return err
			}
			fmt.Printf("%s leads\n", leader.GetKv().GetValue())
			plan := op.Put(kv.Key("schedule").WithValue("at noon"))
			_, err = kv.Txn(leading, kv.New("registry"), op.If(l.Guard()).Then(plan))
			return err
		})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 10.0.0.1 leads
}

// An observer is told of each leader, of what a leader proclaims, and of vacancies.
func ExampleObserve() {
	ctx := context.Background()
	observer, err := election.Observe(ctx, election.New("registry").WithName("mayor"))
	if err != nil {
		log.Fatal(err)
	}
	defer observer.Close()

	candidate := election.New("registry").WithName("mayor").WithValue("anna")
	term := make(chan struct{})
	go election.Run(ctx, candidate, 10*time.Second, func(leading context.Context, _ *election.Leadership) error {
		<-term
		return nil
	})
	led := false
	for leader, err := range observer.All() {
		switch {
		case err != nil:
			log.Fatal(err)
		case leader.GetKv() != nil:
			fmt.Printf("%s leads\n", leader.GetKv().GetValue())
			led = true
			close(term)
		case led:
			fmt.Println("nobody leads")
			return
		}
	}
	// Output:
	// anna leads
	// nobody leads
}
