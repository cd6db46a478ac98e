// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net"
	"net/url"

	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// checkPeerURLs adds a conflict to err for each bad peer URL of a request.
func checkPeerURLs(err error, what string, peerURLs []string) error {
	if len(peerURLs) == 0 {
		return render.AlsoInvalid(err, "cluster: "+what+" needs a peer URL")
	}
	for _, u := range peerURLs {
		if !isPeerURL(u) {
			err = render.AlsoInvalid(err, fmt.Sprintf(
				"cluster: %q in %s is not of the form http://host:port, https://host:port or unix://path", tell.Endpoint(u), what))
		}
	}
	return err
}

// isPeerURL reports whether text is a URL that servers can use as a peer's address.
func isPeerURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		_, _, err := net.SplitHostPort(u.Host)
		return err == nil && u.Path == ""
	case "unix", "unixs":
		return true
	default:
		return false
	}
}
