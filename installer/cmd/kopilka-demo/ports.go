package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ports are where the demo's programs listen on this machine, remembered so that yesterday's bookmarks
// and the tills' own settings stay true.
type ports struct {
	Cloud     int   `json:"cloud"`
	Counters  int   `json:"counters"`
	Tills     []int `json:"tills"`
	Registers []int `json:"registers"`
	Relays    []int `json:"relays"`
}

// portsFirst are tried first. All are below the range from which systems give out the ports of
// outgoing connections, so that a passing connection does not take one away.
func portsFirst() ports {
	p := ports{Cloud: 8420, Counters: 8090}
	for i := range tills {
		p.Tills = append(p.Tills, 8765+i)
		p.Registers = append(p.Registers, 7778+i)
		p.Relays = append(p.Relays, 8430+i)
	}
	return p
}

// portStep and portTries say where to look when a port is taken.
const (
	portStep  = 20
	portTries = 200
)

// takePorts chooses ports, and keeps every other demo of this user from choosing until ours are in use:
// else two that start together would choose the same, and each take the other's pages for its own.
func (d *demo) takePorts(ctx context.Context) (done func() error, err error) {
	queue := filepath.Join(os.TempDir(), fmt.Sprintf("kopilka-demo-%d.lock", os.Getuid()))
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for done, err = lock(queue); errors.Is(err, errLocked); done, err = lock(queue) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	if d.ports, err = choosePorts(d.at("ports.json")); err != nil {
		return nil, errors.Join(err, done())
	}
	return done, nil
}

// choosePorts takes those of the last run, and another one for each that is taken now.
func choosePorts(file string) (ports, error) {
	p := portsFirst()
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, fmt.Errorf("read the ports of the last run: %w", err)
	}
	if len(p.Tills) != len(tills) || len(p.Registers) != len(tills) || len(p.Relays) != len(tills) {
		p = portsFirst()
	}
	var held []net.Listener // until all are chosen, so that none is chosen twice
	for _, port := range p.all() {
		l, err := freePort(*port)
		if err != nil {
			return p, errors.Join(err, release(held))
		}
		held = append(held, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, errors.Join(release(held), writeJSON(file, p))
}

func (p *ports) all() []*int {
	all := []*int{&p.Cloud, &p.Counters}
	for _, list := range [][]int{p.Tills, p.Registers, p.Relays} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

func freePort(wanted int) (net.Listener, error) {
	var last error
	for i := range portTries {
		l, err := net.Listen("tcp", local(wanted+portStep*i))
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, fmt.Errorf("find a free port from %d on: %w", wanted, last)
}

func release(held []net.Listener) error {
	var errs []error
	for _, l := range held {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// local is a port of this machine only.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
