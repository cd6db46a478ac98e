// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package etcdtest

import "errors"

func (p *process) terminate() error { return errors.ErrUnsupported }
func (p *process) pause() error     { return errors.ErrUnsupported }
func (p *process) resume() error    { return errors.ErrUnsupported }
