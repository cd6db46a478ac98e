// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
)

// newUpstream returns the transport from a balancer to the members: one HTTP/2 connection to each.
func (c *Cluster) newUpstream() *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(c.certs == nil)
	protocols.SetHTTP2(c.certs != nil)
	return &http.Transport{
		Protocols:          &protocols,
		TLSClientConfig:    c.TLSConfig(),
		DisableCompression: true, // messages are compressed by gRPC or not at all
	}
}

// forward sends a request to a member, and passes the answer on as it comes.
func (b *Balancer) forward(w http.ResponseWriter, r *http.Request) {
	resp, err := b.ask(r)
	if err != nil {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n")
		return
	}
	defer resp.Body.Close()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	if resp.Header.Get("Grpc-Status") != "" {
		return // an answer without a message is in the headers, and these must end the stream
	}
	out := http.NewResponseController(w)
	buf := make([]byte, chunkSize)
	for {
		// Headers go out before the first message.
		if out.Flush() != nil {
			return
		}
		n, err := resp.Body.Read(buf)
		if _, broken := w.Write(buf[:n]); broken != nil {
			return
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			panic(http.ErrAbortHandler) // resets the stream, since it is too late for a status
		}
	}
	for name, values := range resp.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

// ask sends a request to the next reachable member.
func (b *Balancer) ask(r *http.Request) (*http.Response, error) {
	members := b.members
	if len(members) == 0 {
		members = b.cluster.Members()
	}
	first := int(b.next.Add(1) % uint64(len(members)))
	var resp *http.Response
	var err error
	for i := range members {
		out := r.Clone(r.Context())
		out.RequestURI = ""
		out.URL.Scheme = strings.TrimSuffix(b.cluster.scheme("http://"), "://")
		out.URL.Host = strings.TrimPrefix(members[(first+i)%len(members)].Endpoint(), "https://")
		out.Body = io.NopCloser(r.Body) // an unreachable member does not close it
		var dial *net.OpError
		resp, err = b.transport.RoundTrip(out)
		if err == nil || !errors.As(err, &dial) || dial.Op != "dial" {
			break
		}
	}
	return resp, err
}
