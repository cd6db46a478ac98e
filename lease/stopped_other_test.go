// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package lease_test

const (
	childEndpoint = "EETCD_LEASE_TEST_ENDPOINT"
	childQuestion = "EETCD_LEASE_TEST_QUESTION"
)

// child is for systems that can stop a process.
func child(string, string) (code int) { return 1 }
