// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var programs = map[string][]program{
	"keys":         keyPrograms,
	"transactions": txnPrograms,
	"leases":       leasePrograms,
	"watches":      watchPrograms,
	"members":      memberPrograms,
	"packages":     packagePrograms,
	"concurrency":  concurrencyPrograms,
}

func TestProgramsTellTheSameOverBothClients(t *testing.T) {
	clients := [2]*clientv3.Client{plain(t, cluster.Endpoints()), adapted(t, cluster.Endpoints())}
	for topic, list := range programs {
		for _, one := range list {
			t.Run(topic+"/"+one.name, func(t *testing.T) { playBoth(t, clients, one.run) })
		}
	}
}
