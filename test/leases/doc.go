// SPDX-License-Identifier: Apache-2.0

// Package leases measures what ten thousand leases cost the SDK and clientv3 while a member is killed.
package leases
