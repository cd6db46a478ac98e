// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/config"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/etcdctl"
)

// row is a configuration, and whether a client connects with it.
type row struct {
	name string
	vars
	connects bool
	url      string // says the same to Parse, if a URL can
	only     string // why etcdctl alone connects
}

// rows returns configurations for a plain server, one with TLS and one with users.
func rows(t *testing.T) []row {
	open, encrypted := etcdtest.Start(t).Endpoints()[0], etcdtest.Start(t, etcdtest.WithTLS())
	withUser, token := withUsers(t)
	closed, tls := withUser.Endpoints()[0], encrypted.Endpoints()[0]
	bare := strings.TrimPrefix(tls, "https://")
	ca, cert, key := encrypted.TLSFiles()
	files := "?cacert=" + ca + "&cert=" + cert + "&key=" + key
	const nobody = "127.0.0.1:1"
	return []row{
		{"an endpoint", vars{"ENDPOINTS": open}, true, "etcd://" + open, ""},
		{"an http endpoint", vars{"ENDPOINTS": "http://" + open}, true, "", ""},
		{"an endpoint that is down and one that is up", vars{"ENDPOINTS": nobody + "," + open}, true, "etcd://" + nobody + "," + open, ""},
		{"spaces, and an endpoint twice", vars{"ENDPOINTS": open + ", " + open}, true, "", ""},
		{"no server", vars{"ENDPOINTS": nobody}, false, "etcd://" + nobody, ""},
		{"an endpoint without a port", vars{"ENDPOINTS": "127.0.0.1"}, false, "", ""},

		{"certificates", vars{"ENDPOINTS": tls, "CACERT": ca, "CERT": cert, "KEY": key}, true, "etcds://" + bare + files, ""},
		{"certificates and no scheme", vars{"ENDPOINTS": bare, "CACERT": ca, "CERT": cert, "KEY": key}, true, "", ""},
		{"no authority", vars{"ENDPOINTS": tls, "CERT": cert, "KEY": key}, false, "etcds://" + bare + "?cert=" + cert + "&key=" + key, ""},
		{"no client certificate", vars{"ENDPOINTS": tls, "CACERT": ca}, false, "etcds://" + bare + "?cacert=" + ca, ""},
		{"any server", vars{"ENDPOINTS": bare, "CERT": cert, "KEY": key, "INSECURE_SKIP_TLS_VERIFY": "true"}, true,
			"etcds://" + bare + "?insecure-skip-tls-verify&cert=" + cert + "&key=" + key, ""},
		{"any server and no certificate", vars{"ENDPOINTS": bare, "INSECURE_SKIP_TLS_VERIFY": "true"}, false,
			"etcds://" + bare + "?insecure-skip-tls-verify", ""},
		{"http on a server with TLS", vars{"ENDPOINTS": "http://" + bare}, false, "etcd://" + bare, ""},
		{"TLS on a server without", vars{"ENDPOINTS": open, "INSECURE_TRANSPORT": "false"}, false, "etcds://" + open, ""},
		{"https on a server without", vars{"ENDPOINTS": "https://" + open}, false, "", ""},
		{"certificates on a server without", vars{"ENDPOINTS": open, "CACERT": ca}, false, "etcds://" + open + "?cacert=" + ca, ""},
		{"a certificate without its key", vars{"ENDPOINTS": tls, "CACERT": ca, "CERT": cert}, false, "etcds://" + bare + "?cert=" + cert, ""},
		{"a key without its certificate", vars{"ENDPOINTS": tls, "CACERT": ca, "KEY": key}, false, "etcds://" + bare + "?key=" + key, ""},
		{"a certificate for its key", vars{"ENDPOINTS": tls, "CACERT": ca, "CERT": cert, "KEY": cert}, false, "", ""},
		{"a file that is not there", vars{"ENDPOINTS": open, "CACERT": ca + "-not"}, false, "etcds://" + open + "?cacert=" + ca + "-not", ""},

		{"a user", vars{"ENDPOINTS": closed, "USER": "root:" + password}, true, "etcd://root:" + password + "@" + closed, ""},
		{"a user and a password", vars{"ENDPOINTS": closed, "USER": "root", "PASSWORD": password}, true, "", ""},
		{"a wrong password", vars{"ENDPOINTS": closed, "USER": "root", "PASSWORD": secret}, false, "etcd://root:" + secret + "@" + closed, ""},
		{"a password twice", vars{"ENDPOINTS": closed, "USER": "root:" + password, "PASSWORD": password}, false, "", ""},
		{"no user", vars{"ENDPOINTS": closed}, false, "etcd://" + closed, ""},
		{"a user whose password is asked for", vars{"ENDPOINTS": closed, "USER": "root"}, false, "etcd://root@" + closed, ""},
		{"a password without a user", vars{"ENDPOINTS": open, "PASSWORD": password}, true, "", ""},
		{"a user on a server without users", vars{"ENDPOINTS": open, "USER": "root:" + password}, true, "etcd://root:" + password + "@" + open, ""},
		{"a token", vars{"ENDPOINTS": closed, "AUTH_JWT_TOKEN": token}, true, "", ""},
		{"a token and a wrong user", vars{"ENDPOINTS": closed, "AUTH_JWT_TOKEN": token, "USER": "root:" + secret}, true, "", ""},
		{"a wrong token", vars{"ENDPOINTS": closed, "AUTH_JWT_TOKEN": secret}, false, "", ""},

		{"times and sizes", vars{"ENDPOINTS": open, "DIAL_TIMEOUT": "1m", "KEEPALIVE_TIME": "20s", "KEEPALIVE_TIMEOUT": "10s",
			"MAX_REQUEST_BYTES": "0x1000", "MAX_RECV_BYTES": "4096"}, true,
			"etcd://" + open + "?dial-timeout=1m&request-timeout=1m&keepalive-time=20s&keepalive-timeout=10s&max-recv-bytes=4096", ""},
		{"requests that are larger than responses", vars{"ENDPOINTS": open, "MAX_REQUEST_BYTES": "2000", "MAX_RECV_BYTES": "1000"}, false,
			"etcd://" + open + "?max-request-bytes=2000&max-recv-bytes=1000", ""},
		{"variables about the output", vars{"ENDPOINTS": open, "WRITE_OUT": "json", "HEX": "true"}, true, "", ""},

		{"a time without a unit", vars{"ENDPOINTS": open, "DIAL_TIMEOUT": "5"}, false, "etcd://" + open + "?dial-timeout=5", "it takes its default"},
		{"a boolean that is none", vars{"ENDPOINTS": open, "INSECURE_SKIP_TLS_VERIFY": "yes"}, false, "", "it takes false"},
		{"a size that is none", vars{"ENDPOINTS": open, "MAX_RECV_BYTES": "1MB"}, false, "etcd://" + open + "?max-recv-bytes=1MB", "it takes its default"},
		{"a password of nobody", vars{"ENDPOINTS": open, "USER": ":" + password}, false, "etcd://:" + password + "@" + open, "it does without a user"},
		{"certificates for an http endpoint", vars{"ENDPOINTS": "http://" + open, "CACERT": ca}, false, "", "it does without TLS"},
		{"an endpoint with a path", vars{"ENDPOINTS": "http://" + open + "/x"}, false, "", "it passes over the path"},
	}
}

// ctl reports whether etcdctl reads a key with a configuration.
func (r row) ctl(parent context.Context, path string) (connects bool, output string) {
	connects, within := r.connects || r.only != "", short
	if connects {
		within = long
	}
	limited, cancel := context.WithTimeout(parent, within+long/3)
	defer cancel()
	// As a variable, etcdctl get reads the time of a command too late.
	get := exec.CommandContext(limited, path, "get", "k", "--command-timeout", within.String())
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ETCDCTL_") {
			get.Env = append(get.Env, v)
		}
	}
	all := vars{"DIAL_TIMEOUT": within.String()}
	for name, value := range r.vars {
		all[name] = value
	}
	for name, value := range all {
		get.Env = append(get.Env, "ETCDCTL_"+name+"="+value)
	}
	out, err := get.CombinedOutput()
	return err == nil, string(out)
}

func TestFromEnvAndParseConnectWhereEtcdctlDoesAndShowNoSecret(t *testing.T) {
	path, all := etcdctl.Build(t), rows(t)
	var running sync.WaitGroup
	slots := make(chan struct{}, 8) // most of them only wait
	for _, r := range all {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if got, out := r.ctl(t.Context(), path); got != (r.connects || r.only != "") {
				t.Errorf("%s: etcdctl connects: %v, want the opposite\n%s", r.name, got, out)
			}
		})
	}
	running.Wait()

	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			setenv(t, r.vars)
			endpoints, opts, err := config.FromEnv()
			shown := ""
			if err == nil {
				shown, err = connect(t, r.within(), endpoints, opts)
			}
			if (err == nil) != r.connects {
				t.Errorf("FromEnv: got %v, connects should be %v", err, r.connects)
			}
			r.showsNoSecret(t, shown, err)
			if r.url == "" {
				return
			}
			endpoints, _, opts, err = config.Parse(r.url)
			if err == nil {
				shown, err = connect(t, r.within(), endpoints, opts)
			}
			if (err == nil) != r.connects {
				t.Errorf("Parse: got %v, connects should be %v", err, r.connects)
			}
			r.showsNoSecret(t, shown, err)
		})
	}
}

func (r row) within() time.Duration {
	if r.connects {
		return long
	}
	return short
}

func (r row) showsNoSecret(t *testing.T, shown string, err error) {
	t.Helper()
	if err != nil {
		shown += err.Error()
	}
	for _, hidden := range []string{secret, r.vars["AUTH_JWT_TOKEN"]} {
		if hidden != "" && strings.Contains(shown, hidden) {
			t.Errorf("a secret is in\n%s", shown)
		}
	}
}
