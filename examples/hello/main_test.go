// SPDX-License-Identifier: Apache-2.0

package main

func Example_main() {
	main()
	// Output: services/billing = 10.0.0.1:80
}
