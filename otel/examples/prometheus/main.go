// SPDX-License-Identifier: Apache-2.0

// Prometheus serves the metrics of a connection at /metrics while it reads and writes. It starts a cluster of three members for
// itself, or uses the one of $ETCD_ENDPOINTS, separated by commas. The dashboard of package otel shows these metrics in Grafana.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/otel"
)

func main() {
	address := flag.String("listen", "127.0.0.1:9464", "the address of the metrics")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *address)
	if err == nil {
		fmt.Printf("http://%s/metrics\n", listener.Addr())
		err = run(ctx, listener)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

// run works, and serves metrics, until ctx ends.
func run(ctx context.Context, listener net.Listener) (err error) {
	endpoints := strings.Split(os.Getenv("ETCD_ENDPOINTS"), ",")
	if endpoints[0] == "" {
		cluster, err := etcdtest.Run(ctx, etcdtest.WithSize(3))
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		endpoints = cluster.Endpoints()
	}

	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	hook := otel.New(otel.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	c, err := conn.Open(ctx, "registry", endpoints, conn.WithHooks(hook))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, c.Close()) }()

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
	}()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		key := kv.New("registry").WithKey("otel-example/clock")
		if _, err := kv.Put(ctx, key.WithValue(time.Now().String())); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "prometheus:", err) // it goes on, so that the metrics show the outage
		}
		if _, err := kv.Get(ctx, key); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "prometheus:", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
	}
}
