// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// cluster is what the examples connect to.
var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, "", &cluster) }
