// SPDX-License-Identifier: Apache-2.0

// Package config makes the endpoints and options of a connection from what is there: the variables of etcdctl, a URL, or a
// configuration file of clientv3. A program that has this line runs wherever etcdctl runs:
//
//	endpoints, opts, err := config.FromEnv()
//	if err != nil {
//		return err
//	}
//	c, err := conn.Open(ctx, "registry", endpoints, opts...)
//
// Further options come after those of the configuration: append(opts, conn.WithLogger(log)).
//
// Bad input is [ErrInvalid], with every fault in one line. No error, no log and no text of a value holds a password or a token, and
// errors name a setting without its content. [FromEnv] and [SRV] ask the DNS. All else that this package does is computation:
// conn.Open reads the certificate files, and reports malformed endpoints as conn.ErrEndpoint. eetcd has no counterpart.
//
// The files of this package depend on each other in one direction. From below: errors (errors.go), a configuration
// and its parts (secure.go, auth.go, spec.go), and the other sources (url.go, srv.go, env.go).
package config
