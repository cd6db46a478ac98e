// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"strings"

	"github.com/eetcd-go/eetcd/etcdtest"
)

// place is the cluster that the walk goes through.
type place struct {
	endpoints []string
	own       *etcdtest.Cluster // nil for a cluster of $ETCD_ENDPOINTS
}

// findPlace uses the cluster of $ETCD_ENDPOINTS, or starts one.
func findPlace(ctx context.Context, w *walk) (*place, error) {
	if list := os.Getenv("ETCD_ENDPOINTS"); list != "" {
		p := &place{}
		for endpoint := range strings.SplitSeq(list, ",") {
			p.endpoints = append(p.endpoints, strings.TrimSpace(endpoint))
		}
		w.result("that of $ETCD_ENDPOINTS: %s", strings.Join(p.endpoints, ", "))
		w.result("every key of this walk begins with %s", w.prefix)
		return p, nil
	}
	w.call("etcdtest.Run(ctx, etcdtest.WithSize(3))")
	w.result("looking for an etcd server; if there is none yet, etcd %s is built once, which takes about a minute",
		etcdtest.DefaultVersion)
	if _, err := etcdtest.Binary(ctx, ""); err != nil {
		return nil, err
	}
	own, err := etcdtest.Run(ctx, etcdtest.WithSize(3))
	if err != nil {
		return nil, err
	}
	for _, m := range own.Members() {
		w.result("member %s runs etcd %s at %s", m.Name(), m.Version(), m.Endpoint())
	}
	return &place{endpoints: own.Endpoints(), own: own}, nil
}

// member returns the member that a response's header names.
func (p *place) member(id uint64) *etcdtest.Member {
	for _, m := range p.own.Members() {
		if m.ID() == id {
			return m
		}
	}
	return nil
}

func (p *place) close() error {
	if p.own == nil {
		return nil
	}
	return p.own.Close()
}
