// SPDX-License-Identifier: Apache-2.0

package etcderr

import (
	"net/http"
	"strconv"
	"strings"
)

// A proxy or a load balancer before the members may answer with a page of its own, for example while it has no backend. That is not
// etcd's word. gRPC on this side makes a status of it, whose code is Unimplemented for 404 as if the member had no such method. The
// text is the only trace of the page that gRPC keeps without a cost for every call: where the answer was not gRPC's, it keeps neither
// headers nor trailers, and to be shown that, each call that succeeds would copy its own.

// pageOf returns the HTTP status of a page, by the text that gRPC makes of it. It returns 0 for any other text.
func pageOf(message string) int {
	if rest, ok := strings.CutPrefix(message, "unexpected HTTP status code received from server: "); ok {
		digits, _, _ := strings.Cut(rest, " ")
		code, err := strconv.Atoi(digits)
		if err != nil {
			return 0
		}
		return code
	}
	if strings.HasPrefix(message, "transport: received unexpected content-type ") ||
		strings.HasPrefix(message, "malformed header: missing HTTP content-type") {
		return http.StatusOK
	}
	return 0
}

// passing reports whether another attempt may meet etcd instead of a page: there was no way to a member yet, something behind the proxy
// failed, or the page is about maintenance.
func passing(page int) bool {
	return page == http.StatusNotFound || page == http.StatusOK || page >= http.StatusInternalServerError
}
