package store

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// startPostgres runs a private server in a temp folder; it refuses root, so root becomes nobody.
func startPostgres() (stop func(), err error) {
	bin := "/usr/lib/postgresql/15/bin"
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		found, err := exec.LookPath("initdb")
		if err != nil {
			return nil, errors.New("no initdb in " + bin + " or PATH")
		}
		bin = filepath.Dir(found)
	}
	folder, err := os.MkdirTemp("", "kopilka-pg")
	if err != nil {
		return nil, err
	}
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT} // a test that is killed leaves no server
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := errors.Join(os.Chmod(folder, 0o755), os.Chown(folder, 65534, 65534)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(folder, "data")
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.SysProcAttr, c.Dir, c.Env = attr, folder, []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
		return c
	}
	if out, err := run("initdb", "-N", "-A", "trust", "-U", "kopilka", "-E", "UTF8", "-D", data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		return nil, err
	}
	server := run("postgres", "-D", data, "-p", fmt.Sprint(port), "-k", folder, "-c", "listen_addresses=127.0.0.1")
	if err := server.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT) // it may have ended already
		_ = server.Wait()                         // its exit status says nothing about the tests
		_ = os.RemoveAll(folder)                  // a temp folder
	}
	url := fmt.Sprintf("postgres://kopilka@127.0.0.1:%d/postgres?sslmode=disable", port)
	if out, err := run("pg_isready", "-q", "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-t", "1").CombinedOutput(); err != nil {
		for range 100 {
			if out, err = run("pg_isready", "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-t", "1").CombinedOutput(); err == nil {
				break
			}
		}
		if err != nil {
			stop()
			return nil, fmt.Errorf("the server does not answer: %w: %s", err, out)
		}
	}
	postgresURL = url
	return stop, nil
}
