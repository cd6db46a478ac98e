// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binary returns the path of the etcd server that [Start] would run, and builds it if it is missing. A program can call
// it to report the wait. The empty version is the default of [WithVersion]. Concurrent calls, also from several
// processes, build a version once. It is safe for concurrent use.
func Binary(parent context.Context, version string) (string, error) {
	if version != "" {
		parsed, err := parseVersion(version)
		if err != nil {
			return "", fmt.Errorf("etcdtest: version %q: %w", version, err)
		}
		version = parsed
	}
	path, err := findBinary(parent, version)
	if err != nil {
		return "", fmt.Errorf("etcdtest: %w", err)
	}
	return path, nil
}

func findBinary(parent context.Context, version string) (string, error) {
	variable := binVariable(minorOf(version))
	if version == "" {
		variable = "ETCD_BIN"
		if os.Getenv("ETCD_BIN") != "" {
			return lookBinary(variable, DefaultVersion)
		}
		version = DefaultVersion
		if env := os.Getenv("ETCD_VERSION"); env != "" {
			parsed, err := parseVersion(env)
			if err != nil {
				return "", fmt.Errorf("ETCD_VERSION=%q: %w", env, err)
			}
			version = parsed
		}
	}
	if path, err := binaryFromEnv(parent, version); path != "" || err != nil {
		return path, err
	}
	var path string
	r, err := etcdRecipe(version)
	if err == nil {
		path, err = builtBinary(parent, r)
	}
	if err != nil {
		return "", fmt.Errorf("no etcd %s to run: %w\n%s", version, err, bothWays(variable, version))
	}
	return path, nil
}

// binaryFromEnv returns the binary that the environment names for a version, or "" for none.
func binaryFromEnv(parent context.Context, version string) (string, error) {
	minor := minorOf(version)
	byMinor := binVariable(minor)
	if os.Getenv(byMinor) != "" {
		path, err := lookBinary(byMinor, version)
		if err != nil {
			return "", err
		}
		have, err := versionOf(parent, path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", byMinor, err)
		}
		if minorOf(have) != minor {
			return "", fmt.Errorf("%s=%s is etcd %s, not %s", byMinor, path, have, minor)
		}
		return path, nil
	}
	if os.Getenv("ETCD_BIN") != "" {
		path, err := lookBinary("ETCD_BIN", version)
		if err != nil {
			return "", err
		}
		if have, err := versionOf(parent, path); err == nil && have == version {
			return path, nil
		}
	}
	return "", nil
}

func lookBinary(variable, version string) (string, error) {
	value := os.Getenv(variable)
	path, err := exec.LookPath(value)
	if err != nil {
		return "", fmt.Errorf("no etcd to run: %s=%s: %w\n%s", variable, value, err, bothWays(variable, version))
	}
	return filepath.Abs(path)
}

func bothWays(variable, version string) string {
	return fmt.Sprintf("Either set %s to the path of an etcd server binary, or leave it unset and let the go "+
		"command on PATH build etcd %s from a Go module proxy that it can reach (GOPROXY).", variable, version)
}
