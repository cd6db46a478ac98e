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
	"maps"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/config"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/conn/debug"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/maintenance"
	"github.com/eetcd-go/eetcd/op"
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

func openFromEnv(ctx context.Context) (*conn.Conn, error) {
	endpoints, opts, err := config.FromEnv()
	if err != nil {
		return nil, err
	}
	return conn.Open(ctx, "machine", endpoints, append(opts, conn.WithLogger(slog.Default()))...)
}

func readURL() (string, error) {
	endpoints, namespace, opts, err := config.Parse("etcds://app:secret@etcd.example.com/tenants/7?cacert=/etc/etcd/ca.pem")
	return fmt.Sprintln(endpoints, namespace, len(opts)), err
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

func many(ctx context.Context, addresses map[string]string) error {
	_, err := kv.PutMany(ctx, kv.New("registry"), maps.All(addresses))
	if partial := new(kv.PartialError); errors.As(err, &partial) {
		fmt.Println("written:", partial.Written, "perhaps:", partial.Unknown, "because of", partial.Err)
	}
	if err != nil {
		return err
	}
	found, err := kv.GetMany(ctx, kv.New("registry"), "services/billing", "services/search")
	if err != nil {
		return err
	}
	if billing, there := found.Get("services/billing"); there {
		fmt.Printf("%s at revision %d\n", billing.GetValue(), found.Rev())
	}
	return nil
}

func swap(ctx context.Context, seen int64) (swapped bool, err error) {
	settings := kv.New("registry").WithKey("config")
	txn := op.If(compare.New("config").ModRevision(compare.Equal, seen)).
		Then(op.Put(settings.WithValue("v2"))).
		Else(op.Get(settings))
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

func show(mux *http.ServeMux) {
	mux.Handle("/debug/etcd", debug.Handler()) // mux is that of an internal port
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
