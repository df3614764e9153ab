//go:build linux

package ledger_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Power cuts: a till in a process of its own sells on a disk that loses what was not flushed, is killed,
// and the power goes. Whatever it had acknowledged must be there when the file is opened anew.
const (
	cutsEnv     = "KOPILKA_POWERCUTS" // how many, for the long run
	cutsDefault = 24
	cutsCanary  = 40 // without flushes, about nine of ten cuts lose something
	dirEnv      = "KOPILKA_LEDGER_DIR"
	noSyncEnv   = "KOPILKA_LEDGER_NOSYNC"
	acksMax     = 40 // of one life of the till
	signsEvery  = ledger.RecallSlice / 8
	sign        = "alive" // said now and then while leases go back, so that cuts fall between
	patience    = 30 * time.Second
)

func init() {
	children["sell"], children["verify"] = sellUntilKilled, verifyAcknowledged
}

// quiet stands where a test would: a child says what is wrong and ends.
type quiet struct{}

func (quiet) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (quiet) FailNow()                          { os.Exit(1) }

func sellUntilKilled() int {
	s := openShop(quiet{}, os.Getenv(dirEnv))
	s.docs = s.Tally().Last.FD
	s.version = s.Applied() + s.Filled()
	if open, err := s.Unfinished(); err == nil && open != nil {
		require.NoError(quiet{}, s.Abandon(open.Draft.ID, "power cut", 0))
	}
	// The same seed would give the IDs of the life before.
	s.random = rand.NewChaCha8([32]byte{byte(s.Head().Seq), byte(s.Head().Seq >> 8), byte(s.Head().Seq >> 16), 1})
	made := 0
	s.looking(func() error {
		if made++; made%signsEvery == 0 {
			fmt.Println(sign)
		}
		return nil
	})
	if os.Getenv(noSyncEnv) != "" {
		s.StopSyncing()
	}
	s.withAnna(100).lend()
	require.NoError(quiet{}, s.Regenerate(1))
	s.apply(codesChange(7, free(acksMax, 0)))
	for n := 0; ; n++ {
		s.with = nil
		if _, _, used, err := s.Code(code(byte(n%acksMax + 1))); err == nil && !used {
			s.withCode(7, code(byte(n%acksMax+1)))
		}
		fmt.Println(s.sell(anna, 1, 10000, 5000).ID)
		if n%16 == 3 {
			fmt.Println("generation", s.loseHeadOffice())
		}
		if n%3 == 2 {
			n := newcomer(1000 + s.Head().Seq)
			n.ID = s.id() // the ledger's own randomness repeats itself here
			r, _, err := s.EnrolCustomer(n)
			require.NoError(quiet{}, err)
			fmt.Println(r.ID)
		}
		if n%8 == 7 {
			s.version++
			s.fill(s.version, member(1, sale.Seen{}), member(2, sale.Seen{}), member(uint64(anna), sale.Seen{}))
			fmt.Println("filled", s.version)
		}
	}
}

// loseHeadOffice gives back all leases, a crowd of them, for the next generation, which it answers, and lends anew.
func (s *shop) loseHeadOffice() uint32 {
	before, err := s.Generation()
	require.NoError(s.t, err)
	s.withCrowd(crowdOf(before + 1))
	require.NoError(s.t, s.Regenerate(before+1))
	s.lend()
	return before + 1
}

// crowdOf is where the customers begin whose leases go back for a generation.
func crowdOf(generation uint32) uint64 { return uint64(generation) << 16 }

// lend gives Anna a lease that she has not had.
func (s *shop) lend() {
	s.apply(leaseChange(anna, 3, 100, func(c *sale.LeaseChange) { binary.BigEndian.PutUint64(c.Lease.ID[8:], s.Head().Seq) }))
}

// verifyRecall wants no lease handed back twice, and none here from before the generation that is told.
func verifyRecall(l *ledger.Ledger) {
	t := quiet{}
	for id, n := range (&shop{Ledger: l, t: t}).released() {
		require.Equal(t, 1, n, "lease %s", id)
	}
	told, err := l.Generation()
	require.NoError(t, err)
	for generation := uint32(2); generation <= told; generation++ {
		for i := range uint64(crowd) {
			held, err := l.Held(sale.CustomerNo(crowdOf(generation) + i))
			require.NoError(t, err)
			require.Empty(t, held, "held from before generation %d, and %d is told", generation, told)
		}
	}
}

// verifyAcknowledged checks the ledger in the folder and looks for all that stdin names.
func verifyAcknowledged() int {
	t := quiet{}
	l, err := ledger.Open(os.Getenv(dirEnv), ledger.Options{Clock: ledgertest.NewClock().Now, Random: ledgertest.Random(9)})
	require.NoError(t, err)
	_, err = l.Check()
	require.NoError(t, err)
	verifyRecall(l)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == sign {
			continue
		}
		if generation, ok := strings.CutPrefix(in.Text(), "generation "); ok {
			want, err := strconv.ParseUint(generation, 10, 32)
			require.NoError(t, err)
			told, err := l.Generation()
			require.NoError(t, err)
			require.GreaterOrEqual(t, uint64(told), want)
			continue
		}
		if version, ok := strings.CutPrefix(in.Text(), "filled "); ok {
			want, err := strconv.ParseUint(version, 10, 64)
			require.NoError(t, err)
			require.GreaterOrEqual(t, l.Filled(), want)
			continue
		}
		id, err := sale.ParseID(in.Text())
		require.NoError(t, err)
		_, err = l.Record(id)
		require.NoError(t, err)
	}
	require.NoError(t, in.Err())
	require.NoError(t, l.Close())
	return 0
}

func TestPowerCuts(t *testing.T) {
	cuts := cutsDefault
	if n, err := strconv.Atoi(os.Getenv(cutsEnv)); err == nil {
		cuts = n
	}
	for name, torn := range map[string]bool{"pages": false, "torn pages": true} {
		t.Run(name, func(t *testing.T) {
			c := newCutter(t, torn)
			for range cuts {
				require.NoError(t, c.life(""))
			}
			require.Greater(t, c.acknowledged, cuts, "the till hardly sold: nothing is shown")
			t.Logf("%d cuts, %d acknowledged, none lost", cuts, c.acknowledged)
		})
	}
}

// Without its flushes the same ledger must be caught, or the test above shows nothing.
func TestPowerCutsCatchMissingFlushes(t *testing.T) {
	c := newCutter(t, false)
	caught := 0
	for range cutsCanary {
		if err := c.life("1"); err != nil {
			caught++
			c.fresh()
		}
		if caught == 3 {
			return
		}
	}
	t.Fatalf("of %d cuts without a flush only %d lost anything: the disk is not lossy", cutsCanary, caught)
}

// cutter lives through power cuts, one after the other, on the same disk.
type cutter struct {
	t            *testing.T
	disk         *lossyDisk
	random       *rand.Rand
	known        []string // acknowledged on this disk
	acknowledged int
}

func newCutter(t *testing.T, torn bool) *cutter {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skipf("power cuts need FUSE: %v", err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := &cutter{t: t, disk: newLossyDisk(seed, torn), random: rand.New(rand.NewPCG(seed, 2))}
	dir := t.TempDir()
	unmount, err := c.disk.mount(dir)
	if err != nil {
		t.Skipf("power cuts need FUSE: %v", err)
	}
	require.NoError(t, unmount())
	return c
}

func (c *cutter) fresh() { c.disk.files, c.known = map[string]*lossyFile{}, nil }

// life is a till from start to power cut; the error says what the next start found wrong.
func (c *cutter) life(noSync string) error {
	if c.random.IntN(8) == 0 {
		c.fresh()
	}
	c.known = append(c.known, c.sell(noSync)...)
	after, err := os.MkdirTemp(c.t.TempDir(), "")
	require.NoError(c.t, err)
	c.disk.cut(c.t, after)
	cmd := child("verify", after, "")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(c.known, "\n")), &out, &out
	require.NoError(c.t, cmd.Start())
	// A page that points back at itself sends bbolt round until its stack is full: found, but after a minute.
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // fails only where it has ended
	defer hung.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("after %d acknowledged: %w\n%s", len(c.known), err, out.Bytes()[:min(out.Len(), 2000)])
	}
	c.disk.load(c.t, after)
	return os.RemoveAll(after)
}

// sell runs a till on the lossy disk and kills it after some acknowledgements.
func (c *cutter) sell(noSync string) []string {
	dir := c.t.TempDir()
	unmount, err := c.disk.mount(dir)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, unmount()) }()
	cmd := child("sell", dir, noSync)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	pipe, err := cmd.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, cmd.Start())
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // fails only where it has ended
	defer hung.Stop()
	var acks []string
	out := bufio.NewReader(pipe)
	for stop := 1 + c.random.IntN(acksMax); ; {
		line, err := out.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line without an end was not said
		}
		require.NoError(c.t, err)
		acks = append(acks, strings.TrimSpace(line))
		if len(acks) == stop {
			require.NoError(c.t, cmd.Process.Kill())
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(c.t, cmd.Wait(), &exit)
	require.Equal(c.t, -1, exit.ExitCode(), "the till ended by itself: %s", problems.String())
	c.acknowledged += len(acks)
	return acks
}

func child(role, dir, noSync string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+role, dirEnv+"="+dir, noSyncEnv+"="+noSync)
	return cmd
}
