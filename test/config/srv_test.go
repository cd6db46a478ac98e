// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/srv"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/eetcd-go/eetcd/config"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// zone has the SRV records of each name. A name without records fails, and other names do not exist.
type zone map[string][]dnsmessage.SRVResource

func record(priority, port uint16, host string) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Priority: priority, Weight: 1, Port: port, Target: dnsmessage.MustNewName(host)}
}

// serve starts a DNS server, and has this process ask it until the end of the test.
func (z zone) serve(t *testing.T) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		request := make([]byte, 4096)
		for {
			n, from, err := server.ReadFrom(request)
			if err != nil {
				return
			}
			if answer := z.answer(request[:n]); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	})
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(parent context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(parent, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		server.Close()
		serving.Wait()
	})
}

func (z zone) answer(request []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(request); err != nil || len(m.Questions) != 1 {
		return nil
	}
	asked := m.Questions[0]
	records, exists := z[strings.TrimSuffix(asked.Name.String(), ".")]
	m.Response, m.Additionals = true, nil
	switch {
	case !exists:
		m.RCode = dnsmessage.RCodeNameError
	case len(records) == 0:
		m.RCode = dnsmessage.RCodeServerFailure
	case asked.Type == dnsmessage.TypeSRV:
		for _, r := range records {
			header := dnsmessage.ResourceHeader{Name: asked.Name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &r})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

func TestSRVFindsTheEndpointsThatEtcdFinds(t *testing.T) {
	zone{
		"_etcd-client-ssl._tcp.both.test":      {record(2, 2379, "b.test."), record(1, 2379, "a.test.")},
		"_etcd-client._tcp.both.test":          {record(1, 1000, "c.test.")},
		"_etcd-client-ssl._tcp.ssl.test":       {record(1, 2379, "a.test.")},
		"_etcd-client._tcp.plain.test":         {record(1, 2379, "a.test.")},
		"_etcd-client-ssl-blue._tcp.some.test": {record(1, 2379, "a.test.")},
		"_etcd-client-blue._tcp.some.test":     {record(1, 2380, "a.test.")},
		"_etcd-client-ssl._tcp.twice.test":     {record(1, 2379, "a.test.")},
		"_etcd-client._tcp.twice.test":         {record(1, 2379, "a.test.")},
		"_etcd-client._tcp.failing.test":       {},
		"_etcd-client-ssl._tcp.failing.test":   {},
		"_etcd-client-ssl._tcp.broken.test":    {},
		"_etcd-client._tcp.broken.test":        {record(1, 2379, "a.test.")},
		"_etcd-client-ssl._tcp.half.test":      {record(1, 2379, "a.test.")},
		"_etcd-client._tcp.half.test":          {},
		"_etcd-client._tcp.off.test":           {record(1, 0, ".")},
	}.serve(t)
	for _, tt := range []struct {
		domain, service string
		want            []string // nil for an error
		differs         string
	}{
		{"both.test", "", []string{"https://a.test:2379", "https://b.test:2379", "http://c.test:1000"}, ""},
		{"ssl.test", "", []string{"https://a.test:2379"}, ""},
		{"plain.test", "", []string{"http://a.test:2379"}, ""},
		{"some.test", "blue", []string{"https://a.test:2379", "http://a.test:2380"}, ""},
		{"some.test", "", nil, ""},
		{"none.test", "", nil, ""},
		{"failing.test", "", nil, ""},
		{"half.test", "", []string{"https://a.test:2379"}, ""},
		{"twice.test", "", []string{"https://a.test:2379"}, "one server is one endpoint"},
		{"broken.test", "", nil, "a failure of the DNS turns TLS off there"},
		{"off.test", "", nil, "it takes a dot for a host"},
	} {
		got, err := config.SRV(t.Context(), tt.domain, tt.service)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%+v: got %q, %v", tt, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), tt.domain)) {
			t.Errorf("%+v: the error is %v", tt, err)
		}
		etcds, err := srv.GetClient("etcd-client", tt.domain, tt.service)
		var theirs []string
		if err == nil {
			for _, endpoint := range etcds.Endpoints {
				theirs = append(theirs, strings.Replace(endpoint, ".:", ":", 1))
			}
		}
		if slices.Equal(got, theirs) != (tt.differs == "") {
			t.Errorf("%+v: etcd finds %q, %v", tt, theirs, err)
		}
	}
	if _, err := config.SRV(t.Context(), "", ""); !errors.Is(err, config.ErrInvalid) {
		t.Errorf("an empty domain: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := config.SRV(ended, "both.test", ""); err == nil {
		t.Error("it asks the DNS although the context has ended")
	}
}

func TestFromEnvConnectsToTheServersOfADomain(t *testing.T) {
	cluster, plain := etcdtest.Start(t, etcdtest.WithTLS()), etcdtest.Start(t)
	port := func(endpoint string) uint16 {
		_, text, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		return uint16(n)
	}
	tls, open := port(cluster.Endpoints()[0]), port(plain.Endpoints()[0])
	ca, cert, key := cluster.TLSFiles()
	zone{
		"_etcd-client-ssl._tcp.localhost":  {record(1, tls, "localhost.")}, // what the certificate is for
		"_etcd-client-ssl._tcp.other.test": {record(1, tls, "localhost.")},
		"_etcd-client._tcp.other.test":     {record(1, open, "localhost.")},
		"_etcd-client-a._tcp.open.test":    {record(1, open, "localhost.")},
	}.serve(t)
	files := func(more vars) vars {
		more["CACERT"], more["CERT"], more["KEY"] = ca, cert, key
		return more
	}
	for name, tt := range map[string]struct {
		vars
		want string // an endpoint
		fail any    // the type of the error of Open
	}{
		"with certificates":                      {files(vars{"DISCOVERY_SRV": "localhost"}), "https://localhost:" + strconv.Itoa(int(tls)), nil},
		"with a certificate for the domain":      {files(vars{"DISCOVERY_SRV": "localhost", "INSECURE_DISCOVERY": "false"}), "https://localhost:" + strconv.Itoa(int(tls)), nil},
		"with a certificate for another domain":  {files(vars{"DISCOVERY_SRV": "other.test", "INSECURE_DISCOVERY": "false"}), "https://localhost:" + strconv.Itoa(int(tls)), new(x509.HostnameError)},
		"and leaves out plain servers under TLS": {files(vars{"DISCOVERY_SRV": "other.test"}), "https://localhost:" + strconv.Itoa(int(tls)), nil},
		"in the clear":                           {vars{"DISCOVERY_SRV": "open.test", "DISCOVERY_SRV_NAME": "a"}, "http://localhost:" + strconv.Itoa(int(open)), nil},
		"and else to the endpoints":              {files(vars{"DISCOVERY_SRV": "open.test", "DISCOVERY_SRV_NAME": "a", "INSECURE_DISCOVERY": "false", "ENDPOINTS": "localhost:1"}), "localhost:1", new(*net.OpError)},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, tt.vars)
			endpoints, opts, err := config.FromEnv()
			if err != nil || !slices.Equal(endpoints, []string{tt.want}) {
				t.Fatalf("got %q, %v, want %q", endpoints, err, tt.want)
			}
			_, err = connect(t, long, endpoints, opts)
			if (err == nil) != (tt.fail == nil) || tt.fail != nil && !errors.As(err, tt.fail) {
				t.Errorf("got %v, want an error of type %T", err, tt.fail)
			}
		})
	}
	setenv(t, vars{"DISCOVERY_SRV": "none.test", "ENDPOINTS": "localhost:1"})
	if endpoints, _, err := config.FromEnv(); err == nil {
		t.Errorf("a domain without records: got %q", endpoints)
	}
}
