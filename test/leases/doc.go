// SPDX-License-Identifier: Apache-2.0

// Package leases shows what it takes to keep ten thousand leases alive, beside clientv3, while a member is killed.
package leases
