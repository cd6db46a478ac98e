// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/resolver"
)

func TestClientReachesExactlyTheInstancesThatAreRegistered(t *testing.T) {
	a, b, c := serve(t), serve(t), serve(t)
	first := register(t, registry, t.Name(), resolver.Instance{Addr: a})
	register(t, registry, t.Name(), resolver.Instance{Addr: b})
	register(t, registry, t.Name()+"-other", resolver.Instance{Addr: c})
	billing := dial(t, registry, t.Name())
	billing.reaches(a, b)
	register(t, registry, t.Name(), resolver.Instance{Addr: c})
	billing.reaches(a, b, c)
	if err := first.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	billing.reaches(b, c)
}

func TestServiceOfSeveralPagesIsFound(t *testing.T) {
	const many = 200
	a := serve(t)
	for i := range many { // pages of about 1 MiB
		put(t, registry, t.Name(), fmt.Sprint(i), encode(t, resolver.Instance{Addr: a, Metadata: strings.Repeat("x", 20<<10)}))
	}
	defer remove(t, registry, t.Name())
	var mu sync.Mutex
	read := map[string]bool{}
	format := resolver.WithFormat(func(pair *mvccpb.KeyValue) (resolver.Instance, error) {
		mu.Lock()
		defer mu.Unlock()
		read[string(pair.GetKey())] = true
		return resolver.Instance{Addr: a}, nil
	})
	dial(t, registry, t.Name(), format).reaches(a)
	mu.Lock()
	defer mu.Unlock()
	if len(read) != many {
		t.Errorf("%d keys are read, want %d", len(read), many)
	}
}

func TestBuilderMayBeMadeBeforeItsConnectionIsOpened(t *testing.T) {
	name := t.Name()
	a := serve(t)
	register(t, registry, name, resolver.Instance{Addr: a})
	billing := dial(t, name, name)
	err := billing.failure()
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "conn: not open") || !strings.Contains(err.Error(), name+"/") {
		t.Errorf("without a connection a call fails with %v", err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := billing.call(grpc.WaitForReady(true))
		waited <- err
	}()
	open(t, name, endpoints(t))
	if err := <-waited; err != nil {
		t.Errorf("a call that waits for a server fails with %v", err)
	}
	billing.reaches(a)
}

func TestLastListStaysUntilTheConnectionIsOpenedAgain(t *testing.T) {
	name := t.Name()
	a, b := serve(t), serve(t)
	put(t, registry, name, "k", encode(t, resolver.Instance{Addr: a}))
	first := open(t, name, endpoints(t))
	billing, without := dial(t, name, name, resolver.WithKeepLast(time.Hour)), dial(t, name, name, resolver.WithKeepLast(0))
	billing.reaches(a)
	without.reaches(a)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < time.Second; time.Sleep(10 * time.Millisecond) {
		if _, err := billing.call(); err != nil {
			t.Fatalf("without a connection a call fails with %v", err)
		}
	}
	another := etcdtest.Start(t)
	open(t, name, another.Endpoints())
	put(t, name, name, "k", encode(t, resolver.Instance{Addr: b}))
	without.reaches(b)
	billing.reaches(a, b)
	billing.reaches(a, b) // since the call that reached b, only by the new list
}

// TestNextClientKeepsTheLastInstancesOfAWipedStore wipes the store between two clients, as it may happen while a client is idle. The
// store is beyond its old revision when the next client begins.
func TestNextClientKeepsTheLastInstancesOfAWipedStore(t *testing.T) {
	a, b, c := serve(t), serve(t), serve(t)
	cluster := etcdtest.Start(t)
	name := open(t, "", cluster.Endpoints()).Name()
	put(t, name, t.Name(), "a", encode(t, resolver.Instance{Addr: a}))
	put(t, name, t.Name(), "b", encode(t, resolver.Instance{Addr: b}))
	builder := resolver.Builder(name, resolver.WithKeepLast(time.Hour))
	billing := dialWith(t, builder, t.Name())
	billing.reaches(a, b)
	if err := billing.conn.Close(); err != nil {
		t.Fatal(err)
	}
	cluster.Wipe()
	for i := range 10 {
		put(t, name, "other", "k", fmt.Sprint(i))
	}
	put(t, name, t.Name(), "a", encode(t, resolver.Instance{Addr: a}))
	billing = dialWith(t, builder, t.Name())
	billing.reaches(a, b)
	put(t, name, t.Name(), "c", encode(t, resolver.Instance{Addr: c}))
	billing.reaches(a, b, c)
	billing.reaches(a, b, c) // since the call that reached c, only by the new list
}

func TestLastInstancesAreKeptWhereAllVanish(t *testing.T) {
	a, b := serve(t), serve(t)
	put(t, registry, t.Name(), "a", encode(t, resolver.Instance{Addr: a}))
	put(t, registry, t.Name(), "b", encode(t, resolver.Instance{Addr: b}))
	keeps, forgets, without := dial(t, registry, t.Name()), dial(t, registry, t.Name(), resolver.WithKeepLast(100*time.Millisecond)),
		dial(t, registry, t.Name(), resolver.WithKeepLast(0))
	keeps.reaches(a, b)
	forgets.reaches(a, b)
	without.reaches(a, b)
	remove(t, registry, t.Name())
	for _, c := range []client{without, forgets} {
		if err := c.failure(); status.Code(err) != codes.Unavailable {
			t.Errorf("a call fails with %v", err)
		}
	}
	keeps.reaches(a, b)
	put(t, registry, t.Name(), "b", encode(t, resolver.Instance{Addr: b}))
	for _, c := range []client{without, forgets} {
		c.reaches(b)
	}
	keeps.reaches(a, b)
	put(t, registry, t.Name(), "a", encode(t, resolver.Instance{Addr: a}))
	keeps.reaches(a, b)
	if _, err := kv.Delete(t.Context(), kv.New(registry).WithKey(t.Name()+"/a")); err != nil {
		t.Fatal(err)
	}
	keeps.reaches(b)
}

// TestClientThatWasIdleHasItsLastListWhileEtcdIsAway has gRPC close the resolver, and make another one.
func TestClientThatWasIdleHasItsLastListWhileEtcdIsAway(t *testing.T) {
	name := t.Name()
	a := serve(t)
	put(t, registry, name, "k", encode(t, resolver.Instance{Addr: a}))
	c := open(t, name, endpoints(t))
	billing := dialWith(t, resolver.Builder(name), name, grpc.WithIdleTimeout(10*time.Millisecond))
	billing.reaches(a)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for billing.conn.GetState() != connectivity.Idle {
		if !billing.conn.WaitForStateChange(t.Context(), billing.conn.GetState()) {
			t.Fatal("the client does not go idle")
		}
	}
	if _, err := billing.call(); err != nil {
		t.Errorf("without its connection a client that was idle fails with %v", err)
	}
}

func TestPanicOfWithOnErrorHurtsNobody(t *testing.T) {
	a := serve(t)
	put(t, registry, t.Name(), "a", "{")
	put(t, registry, t.Name(), "b", encode(t, resolver.Instance{Addr: a}))
	dial(t, registry, t.Name(), resolver.WithOnError(func(string, error) { panic("at the error") })).reaches(a)
}

// TestNewestInstanceOfAnAddressIsListed has keys with one address: a later value that does not decode makes no older instance the
// newest one, and of two puts in one transaction always the same counts.
func TestNewestInstanceOfAnAddressIsListed(t *testing.T) {
	at := func(zone string) string { return encode(t, resolver.Instance{Addr: "h:1", Zone: zone}) }
	put(t, registry, t.Name(), "a", at("older"))
	put(t, registry, t.Name(), "b", at("newer"))
	s := watchStates(t, t.Name())
	s.next()
	put(t, registry, t.Name(), "a", "{")
	put(t, registry, t.Name(), "c", encode(t, resolver.Instance{Addr: "h:2"})) // the list that has the put before it too
	var list []resolver.Instance
	for len(list) < 2 {
		list = s.next()
	}
	for _, i := range list {
		if i.Addr == "h:1" && i.Zone != "newer" {
			t.Errorf("the instance is %+v", i)
		}
	}
	txn := op.If()
	for i := range 20 {
		txn = txn.Then(op.Put(kv.Key(fmt.Sprintf("%s/%02d", t.Name(), i)).WithValue(at(fmt.Sprint(i)))))
	}
	if _, err := kv.Txn(t.Context(), kv.New(registry), txn); err != nil {
		t.Fatal(err)
	}
	for _, i := range s.next() {
		if i.Addr == "h:1" && i.Zone != "19" {
			t.Errorf("of equally new instances the listed one is %+v", i)
		}
	}
}

func TestServiceWithoutInstancesFailsCallsUntilOneComes(t *testing.T) {
	billing := dial(t, registry, t.Name())
	if err := billing.failure(); status.Code(err) != codes.Unavailable {
		t.Errorf("a call fails with %v", err)
	}
	a := serve(t)
	register(t, registry, t.Name(), resolver.Instance{Addr: a})
	billing.reaches(a)
}

func TestValueThatDoesNotDecodeIsSkippedAndReportedOnce(t *testing.T) {
	a, b := serve(t), serve(t)
	put(t, registry, t.Name(), "bad", "{")
	put(t, registry, t.Name(), "nowhere", `{"Op":0,"Metadata":null}`)
	put(t, registry, t.Name(), "good", encode(t, resolver.Instance{Addr: a}))
	var mu sync.Mutex
	var told []string
	billing := dial(t, registry, t.Name(), resolver.WithOnError(func(key string, err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(strings.TrimPrefix(key, t.Name()+"/"), ": ", err))
	}))
	billing.reaches(a)
	put(t, registry, t.Name(), "good", "null") // keeps its last instance
	put(t, registry, t.Name(), "b", encode(t, resolver.Instance{Addr: b}))
	billing.reaches(a, b)
	put(t, registry, t.Name(), "bad", encode(t, resolver.Instance{Addr: a}))
	if _, err := kv.Delete(t.Context(), kv.New(registry).WithKey(t.Name()+"/good")); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Delete(t.Context(), kv.New(registry).WithKey(t.Name()+"/b")); err != nil {
		t.Fatal(err)
	}
	billing.reaches(a)
	mu.Lock()
	defer mu.Unlock()
	want := "bad: unexpected end of JSON input, nowhere: resolver: the instance has no Addr, good: resolver: the instance has no Addr"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told is %s\nwant %s", got, want)
	}
}

func TestFormatOfOnesOwnIsReadAndMayPanic(t *testing.T) {
	a := serve(t)
	put(t, registry, t.Name(), "a", a)
	put(t, registry, t.Name(), "b", "panic")
	told := make(chan error, 1)
	format := func(pair *mvccpb.KeyValue) (resolver.Instance, error) {
		if string(pair.GetValue()) == "panic" {
			panic("at the value")
		}
		return resolver.Instance{Addr: string(pair.GetValue())}, nil
	}
	dial(t, registry, t.Name(), resolver.WithFormat(format), resolver.WithOnError(func(_ string, err error) { told <- err })).reaches(a)
	if err := <-told; err == nil || !strings.Contains(err.Error(), "panicked: at the value") {
		t.Errorf("told is %v", err)
	}
}
