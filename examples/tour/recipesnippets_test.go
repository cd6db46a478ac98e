// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/typed"
)

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
