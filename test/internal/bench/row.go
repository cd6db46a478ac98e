// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
)

// Row is a line of the table that `make bench` ends with: a figure of each client, "" where it is unknown, and the ratios of the SDK to
// the others, 0 where they are unknown.
type Row struct {
	What                 string
	Eetcd, ClientV3, Raw string
	ToClientV3, ToRaw    float64
}

// rowsVariable names the file that rows are added to. Without it, benchmarks keep none.
const rowsVariable = "EETCD_BENCH_ROWS"

// Keep adds rows to the table that `make bench` ends with.
func Keep(rows ...Row) (err error) {
	path := os.Getenv(rowsVariable)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	to := json.NewEncoder(f)
	for _, row := range rows {
		if err := to.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// Rows reads the rows that benchmarks have kept in a file.
func Rows(path string) (rows []Row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}
