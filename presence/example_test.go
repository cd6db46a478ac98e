// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
)

// show prints the keys of the services.
func show(ctx context.Context, when string) {
	services, err := kv.Get(ctx, kv.New("registry").WithKey("services/").WithPrefix())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(when)
	for _, pair := range services.GetKvs() {
		fmt.Printf("  %s at %s\n", pair.GetKey(), pair.GetValue())
	}
}

// A service announces itself, and comes back when somebody deletes its key.
func Example() {
	ctx := context.Background()
	key := presence.New("registry").WithKey("services/billing")
	p, err := presence.Keep(ctx, key.WithValue("10.0.0.1:80"), 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	show(ctx, "there:")
	if err := p.Set(ctx, "10.0.0.2:80"); err != nil {
		log.Fatal(err)
	}
	show(ctx, "moved:")

	changes := make(chan presence.State)
	go func() {
		defer close(changes)
		for s := range p.Changes() {
			changes <- s
		}
	}()
	<-changes // there
	if _, err := kv.Delete(ctx, key); err != nil {
		log.Fatal(err)
	}
	fmt.Println((<-changes).Err)
	fmt.Println("present:", (<-changes).Present)
	show(ctx, "back:")

	go func() {
		for range changes { // the end
		}
	}()
	if err := p.Leave(ctx); err != nil {
		log.Fatal(err)
	}
	show(ctx, "gone:")
	// Output:
	// there:
	//   services/billing at 10.0.0.1:80
	// moved:
	//   services/billing at 10.0.0.2:80
	// presence: the key was deleted
	// present: true
	// back:
	//   services/billing at 10.0.0.2:80
	// gone:
}

// Many keys share the lease of a session: they cost one renewal, and come and go with it.
func ExampleWithSession() {
	ctx := context.Background()
	session, err := presence.Keep(ctx, presence.New("registry").WithKey("workers/a"), 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	for _, queue := range []string{"mail", "pdf"} {
		key := presence.New("registry").WithKey("services/" + queue).WithValue("worker a")
		if _, err := presence.Keep(ctx, key, 0, presence.WithSession(session)); err != nil {
			log.Fatal(err)
		}
	}
	show(ctx, "at work:")
	if err := session.Leave(ctx); err != nil {
		log.Fatal(err)
	}
	show(ctx, "gone:")
	// Output:
	// at work:
	//   services/mail at worker a
	//   services/pdf at worker a
	// gone:
}
