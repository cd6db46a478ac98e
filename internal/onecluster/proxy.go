// SPDX-License-Identifier: Apache-2.0

package onecluster

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Proxy starts an HTTP proxy before a member, and returns its endpoint. answer sees each request first, and reports whether it has
// answered with a page of its own. The proxy ends with the test.
func Proxy(t testing.TB, endpoint string, answer func(w http.ResponseWriter, r *http.Request) (answered bool)) string {
	t.Helper()
	var plain http.Protocols // HTTP/2 without TLS, as gRPC speaks it
	plain.SetUnencryptedHTTP2(true)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: endpoint})
	forward.FlushInterval = -1 // at once
	transport := &http.Transport{Protocols: &plain}
	forward.Transport = transport
	forward.ModifyResponse = trailing
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	server.Config.Protocols = &plain
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.Listener.Addr().String()
}

// trailing makes trailers of the status in the headers of an answer that has nothing else. gRPC wants to see the end of the stream in
// the same frame, and the proxy sends it in another one.
func trailing(answer *http.Response) error {
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"} {
		if values, has := answer.Header[name]; has {
			if answer.Trailer == nil {
				answer.Trailer = http.Header{}
			}
			answer.Trailer[name] = values
			answer.Header.Del(name)
		}
	}
	return nil
}
