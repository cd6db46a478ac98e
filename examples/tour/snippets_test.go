// SPDX-License-Identifier: Apache-2.0

// Package tour holds the Go code of docs/tour.md, line by line, and runs it on a real cluster.
package tour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/maintenance"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/typed"
	"github.com/eetcd-go/eetcd/watch"
)

func open(ctx context.Context, endpoints []string) (*conn.Conn, error) {
	return conn.Open(ctx, "registry", endpoints,
		conn.WithLogger(slog.Default()),
		conn.WithStateListener(func(e conn.Endpoint) {
			fmt.Println(e.Name, e.Address, e.State, e.Err)
		}),
	)
}

func openLater(ctx context.Context, endpoints []string) error {
	c, err := conn.Open(ctx, "lazy", endpoints, conn.WithLazy())
	if err != nil {
		return err
	}
	defer c.Close()
	return c.WaitReady(ctx)
}

func openSecurely(ctx context.Context, endpoints []string, roots *x509.CertPool, own tls.Certificate) (*conn.Conn, error) {
	return conn.Open(ctx, "secure", endpoints, conn.WithTLS(&tls.Config{
		RootCAs:      roots,
		Certificates: []tls.Certificate{own}, // only where the servers ask for one
	}))
}

func branches(ctx context.Context) error {
	jobs := kv.New("registry").WithKey("jobs/")
	one := jobs.WithSubKey("a") // the key is "jobs/a"
	newest := jobs.WithPrefix().WithSort(kv.ByMod, kv.Descend).WithLimit(10)
	count := jobs.WithPrefix().WithCountOnly() // the others stay as they are

	for _, request := range []kv.Request{one, newest, count} {
		if _, err := kv.Get(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

func mistakes(ctx context.Context) {
	_, err := kv.Put(ctx, kv.New("registry").WithKey("k").WithLimit(10).WithTimeout(5))
	fmt.Println(errors.Is(err, kv.ErrInvalid), err)
	// true ctx: WithLimit does not apply to a put request; ctx: WithTimeout(5ns) is below 1ms in a put request
}

func everything(ctx context.Context, each func(*mvccpb.KeyValue)) error {
	for pair, err := range kv.All(ctx, kv.New("registry").WithKey("jobs/").WithPrefix()) {
		if err != nil {
			return err
		}
		each(pair)
	}
	return nil
}

func swap(ctx context.Context, seen int64) (swapped bool, err error) {
	config := kv.New("registry").WithKey("config")
	txn := op.If(compare.New("config").ModRevision(compare.Equal, seen)).
		Then(op.Put(config.WithValue("v2"))).
		Else(op.Get(config))
	resp, err := kv.Txn(ctx, kv.New("registry"), txn)
	if err != nil {
		return false, err
	}
	if !resp.GetSucceeded() {
		fmt.Println("changed meanwhile:", resp.GetResponses()[0].GetResponseRange().GetKvs())
	}
	return resp.GetSucceeded(), nil
}

func register(ctx context.Context) error {
	granted, err := lease.Grant(ctx, lease.New("registry"), 10*time.Second)
	if err != nil {
		return err
	}
	keeper, err := lease.KeepAlive(ctx, lease.New("registry"), granted.GetID())
	if err != nil {
		return err
	}
	defer keeper.Close()
	_, err = kv.Put(ctx, kv.New("registry").WithKey("heartbeat:10.0.0.1").WithValue("up").WithLease(granted.GetID()))
	if err != nil {
		return err
	}
	<-keeper.Done()
	return keeper.Err() // why the lease is not kept any more
}

func listAndWatch(ctx context.Context, replace func([]*mvccpb.KeyValue), apply func(*mvccpb.Event)) error {
	base := kv.New("registry").WithKey("heartbeat:").WithPrefix()
	all, err := kv.Get(ctx, base)
	if err != nil {
		return err
	}
	replace(all.GetKvs()) // a key that is not in this list has been deleted
	w, err := watch.Watch(ctx, base.WithStartRevision(all.GetHeader().GetRevision()+1))
	if err != nil {
		return err
	}
	defer w.Close()
	for event, err := range w.Events() {
		if err != nil {
			return err
		}
		apply(event)
	}
	return nil
}

func follow(ctx context.Context, replace func([]*mvccpb.KeyValue), apply func(*mvccpb.Event)) error {
	for {
		err := listAndWatch(ctx, replace, apply)
		if ctx.Err() != nil || errors.Is(err, conn.ErrClosed) || errors.Is(err, conn.ErrNotOpen) {
			return err
		}
		slog.Warn("listing again in a second", "reason", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func takeTurns(ctx context.Context, work kv.Request) error {
	return lock.Do(ctx, lock.New("registry").WithName("jobs"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
}

func takeTurnsIfFree(ctx context.Context, work kv.Request) error {
	held, err := lock.Try(ctx, lock.New("registry").WithName("jobs"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
	if err == nil && !held {
		fmt.Println("somebody else has it")
	}
	return err
}

func takePermits(ctx context.Context, work kv.Request) error {
	return lock.Semaphore(ctx, lock.New("registry").WithName("imports"), 3, 10*time.Second,
		func(held context.Context, l lock.Held) error {
			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
}

func leadOnce(ctx context.Context, work kv.Request) error {
	candidate := election.New("registry").WithName("scheduler").WithValue("10.0.0.1")
	return election.Run(ctx, candidate, 10*time.Second,
		func(leading context.Context, l *election.Leadership) error {
			_, err := kv.Txn(leading, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
}

func observe(ctx context.Context) error {
	o, err := election.Observe(ctx, election.New("registry").WithName("scheduler"))
	if err != nil {
		return err
	}
	defer o.Close()
	for leader, err := range o.All() {
		if err != nil {
			return err
		}
		if leader.GetKv() == nil {
			fmt.Println("nobody leads")
			continue
		}
		fmt.Printf("%s leads\n", leader.GetKv().GetValue())
	}
	return nil
}

type job struct {
	Owner string
	Done  bool
}

var errNoJob = errors.New("there is no such job to do")

func values(ctx context.Context, id string) error {
	jobs := typed.Of(typed.New("registry").WithKey("jobs/"), typed.JSON[job]())
	if _, err := jobs.Create(ctx, id, job{Owner: "ann"}); err != nil {
		return err // errors.Is(err, typed.ErrExists) if there is one already
	}
	entry, err := jobs.Update(ctx, id, func(old job, there bool) (job, error) {
		if !there || old.Done {
			return old, errNoJob // nothing is written
		}
		old.Done = true
		return old, nil
	})
	if err != nil {
		return err
	}
	fmt.Println(entry.Key, entry.Value.Owner, "at revision", entry.ModRev)
	for entry, err := range jobs.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(entry.Key, entry.Value.Done)
	}
	return nil
}

func announce(ctx context.Context, work func() error) error {
	p, err := presence.Keep(ctx, presence.New("registry").WithKey("workers/a").WithValue("starting"), 10*time.Second)
	if err != nil {
		return err
	}
	if err := p.Set(ctx, "ready"); err != nil {
		return err
	}
	err = work()
	return errors.Join(err, p.Leave(context.Background()))
}

func localCopy(ctx context.Context) error {
	services, err := table.Follow(ctx, table.New("registry").WithKey("services/").WithPrefix(), table.String)
	if err != nil {
		return err
	}
	defer services.Close()
	billing, there := services.Get("services/billing") // from memory
	fmt.Println(billing.Value, there)
	for entry := range services.Snapshot().Prefix("services/eu/") {
		fmt.Println(entry.Key, entry.Value)
	}
	return nil
}

type limits struct{ Rate int }

func (l limits) check() error {
	if l.Rate < 1 {
		return errors.New("the rate must be positive")
	}
	return nil
}

func liveLimits(ctx context.Context) error {
	live, err := table.Live(ctx, table.New("registry").WithKey("config/limits"), table.JSON[limits],
		table.WithDefault(limits{Rate: 100}), table.WithValidate(limits.check))
	if err != nil {
		return err
	}
	defer live.Close()
	now, _ := live.Load() // in each request that needs it
	fmt.Println(now.Rate)
	return nil
}

func serve(ctx context.Context, server *grpc.Server, listener net.Listener, address string) error {
	service := resolver.New("registry").WithKey("services/billing")
	p, err := resolver.Register(ctx, service, resolver.Instance{Addr: address, Zone: "a"}, 10*time.Second)
	if err != nil {
		return err
	}
	err = server.Serve(listener)
	return errors.Join(err, p.Leave(context.Background()))
}

func find() (*grpc.ClientConn, error) {
	billing, err := grpc.NewClient("etcd:///services/billing",
		grpc.WithResolvers(resolver.Builder("registry")),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	return billing, err
}

func transfer(ctx context.Context) error {
	_, err := stm.Run(ctx, stm.New("registry"), func(tx *stm.Tx) error {
		for key, change := range map[string]int{"account/a": -10, "account/b": 10} {
			value, err := tx.Get(key)
			if err != nil {
				return err
			}
			balance, _ := strconv.Atoi(value) // "" is an account that is empty
			tx.Put(key, strconv.Itoa(balance+change))
		}
		return nil
	})
	return err
}

func write(ctx context.Context, c kv.Request) error {
	_, err := kv.Put(ctx, c)
	switch {
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		fmt.Println("the lease has expired: grant another one")
	case errors.Is(err, conn.ErrUnavailable):
		fmt.Println("no member can be reached")
	}
	switch etcderr.OutcomeOf(err) {
	case etcderr.None:
		fmt.Println("written")
	case etcderr.NotSent, etcderr.Rejected:
		fmt.Println("certainly not written")
	case etcderr.Unknown:
		fmt.Println("perhaps written: read before you write again")
	}
	return err
}

func look(ctx context.Context) error {
	for _, e := range conn.Info() {
		if e.State == conn.Frozen {
			fmt.Printf("%s: %s is tried again in %v: %v\n", e.Name, e.Address, e.ReconnectIn.Round(time.Millisecond), e.Err)
		}
	}
	return conn.WriteInfo(os.Stdout)
}

func administer(ctx context.Context, path string) error {
	c, err := conn.Lookup("registry")
	if err != nil {
		return err
	}
	admin := maintenance.New("registry")
	for _, e := range c.Info() {
		status, err := maintenance.Status(ctx, admin.WithEndpoint(e.Address))
		if err != nil {
			return err
		}
		fmt.Println(e.Address, status.GetVersion(), status.GetDbSizeInUse(), status.GetLeader(), status.GetErrors())
	}
	return maintenance.SaveSnapshot(ctx, admin, path, func(done, total int64) {
		fmt.Printf("%d of %d bytes\n", done, total)
	})
}

func tenant(ctx context.Context) error {
	c, err := conn.Lookup("registry")
	if err != nil {
		return err
	}
	n, err := c.Namespace("tenant-7", "tenants/7/")
	if err != nil {
		return err
	}
	defer n.Close()
	_, err = kv.Put(ctx, kv.New("tenant-7").WithKey("color").WithValue("red")) // tenants/7/color
	return err
}

func stubs(ctx context.Context) error {
	c, err := conn.Lookup("registry")
	if err != nil {
		return err
	}
	list, err := pb.NewClusterClient(c).MemberList(ctx, &pb.MemberListRequest{Linearizable: true})
	if err != nil {
		return err
	}
	for _, m := range list.GetMembers() {
		fmt.Println(m.GetName(), m.GetClientURLs())
	}
	return nil
}

func TestReadsSurviveTheLossOfTheLeader(t *testing.T) {
	etcd := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", etcd.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	etcd.Leader().Kill()
	if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("config")); err != nil {
		t.Error(err)
	}
}
