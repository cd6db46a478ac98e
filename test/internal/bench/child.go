// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Child runs this program again with other arguments, so that its costs are those of one client alone. It calls ready, which may be
// nil, once the child has called [Ready], and decodes into sample what the child gives to [Report].
func Child(parent context.Context, args []string, ready func() error, sample any) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(parent, self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	if _, err = lines.ReadString('\n'); err == nil && ready != nil {
		err = ready()
	}
	if err == nil {
		err = json.NewDecoder(lines).Decode(sample)
	}
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if ended := cmd.Wait(); ended != nil && (err == nil || errors.Is(err, io.EOF)) { // the child failed by itself
		return ended
	}
	return err
}

// Ready says that a child is ready.
func Ready(out io.Writer) error {
	_, err := fmt.Fprintln(out)
	return err
}

// Report says what a child has measured.
func Report(out io.Writer, sample any) error { return json.NewEncoder(out).Encode(sample) }
