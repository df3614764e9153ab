//go:build !windows

package main

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// established is a connection's state in /proc/net/tcp (proc(5); the kernel's TCP_ESTABLISHED).
const established = "01"

// connectionHolders names the other programs that have a connection to a network address. The list of connections is
// open to everybody, only their programs' names may not be. known is false where there is no such list.
func connectionHolders(address string) (names []string, known bool) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, true
	}
	to, err := netip.ParseAddrPort(u.Host)
	if err != nil { // no address but a device, or a name
		return nil, true
	}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a machine may have no IPv6
		}
		known = true
		for _, line := range strings.Split(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != established || peer(f[2]) != to {
				continue
			}
			if name := socketHolder(f[9]); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, known
}

// peer reads an address as /proc/net/tcp has it: words in the machine's order, then the port.
func peer(s string) netip.AddrPort {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	a, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}

// socketHolder is the program that has a socket, empty for this one. Its own sockets a program always sees.
func socketHolder(inode string) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return "?"
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != "socket:["+inode+"]" {
			continue
		}
		pid := strings.Split(link, "/")[2]
		if pid == strconv.Itoa(os.Getpid()) {
			return ""
		}
		return programName(pid)
	}
	return "?"
}
