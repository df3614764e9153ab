package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

var update = flag.Bool("update", false, "write the golden files anew; a changed one breaks tills in the field")

// messages is one of each, every field set, so that a renumbered or forgotten field changes a file.
func messages() map[string]any {
	nonce := bytes.Repeat([]byte{0xa1}, wire.NonceBytes)
	position := sale.Position{Epoch: 2, Seq: 300, Head: sale.Hash{1, 2, 3}}
	return map[string]any{
		"challenge": &wire.Challenge{Nonce: nonce, VersionMin: 1, VersionMax: 1},
		"hello": &wire.Hello{
			Version: 1, Org: 5, Till: 7, Nonce: nonce, Head: position, Down: 11, Snapshot: 9, Program: "kopilka-agent 1.0.0", Signature: []byte{4},
		},
		"welcome": &wire.Welcome{
			Version: 1, Now: 1793600000000, Generation: 3, Have: position, Window: 8, Quarantine: true, Cert: []byte{1}, Signature: []byte{2},
		},
		"batch": &wire.Batch{Epoch: 2, From: 301, Count: 2, Head: sale.Hash{9}, Payload: []byte{1, 2, 3}, Signature: []byte{8}, Fork: 4},
		"ack":   &wire.Ack{Have: position, Fork: 3},
		"down": &wire.Down{From: 11, To: 13, Last: true, Refill: true, Changes: []sale.Change{
			{Kind: sale.ChangeCustomer, Key: []byte{0, 1}, Version: 12, Body: []byte{0xa0}},
			{Kind: sale.ChangeStaff, Key: []byte{2}, Version: 13, Gone: true},
		}},
		"down-ack": &wire.DownAck{Version: 13},
		"ask":      &wire.Ask{Customers: []sale.CustomerNo{sale.MakeNumber(3, 1042), 17}},
		"status": &wire.Status{
			At: 1793600000000, Shift: 4, ShiftOpen: true, Staff: 2, Unsent: 5, Customers: 1000, Unknown: 1, ClockLag: -250,
			Register: wire.RegisterStatus{Online: true, Model: "М", Serial: "0001", FN: "9999078900001234", Conditions: 3, Unsent: 2, Firmware: "1.2"},
			Update:   &wire.UpdateStatus{Version: "1.3.0", State: wire.UpdateFailed, RU: "касса не отвечает", EN: "the register does not answer"},
		},
		"find":  &wire.Find{Ref: 7, Doc: sale.FiscalKey{FN: "9999078900001234", FD: 17}, ID: sale.ID{1, 2}},
		"found": &wire.Found{Ref: 7, Record: []byte{1, 2}, Returns: [][]byte{{3}, {4, 5}}},
		"bye":   &wire.Bye{Code: wire.ByeBusy, Text: "later", RetryAfter: 5000},
	}
}

// What is on the wire is what tills two versions old still say: byte for byte.
func TestGolden(t *testing.T) {
	all := messages()
	require.Len(t, all, int(wire.TypeFound), "a message without a golden file")
	for name, m := range all {
		frame, err := wire.Marshal(m)
		require.NoError(t, err)
		requireGolden(t, name, frame)
		back, err := wire.Unmarshal(frame)
		require.NoError(t, err, name)
		require.Equal(t, m, back, name)
	}
}

// What is signed, and what lies in files, is as frozen as the messages.
func TestGoldenBytes(t *testing.T) {
	nonce := bytes.Repeat([]byte{0xa1}, wire.NonceBytes)
	all := messages()
	requireGolden(t, "signed-hello", wire.HelloBytes(nonce, all["hello"].(*wire.Hello)))
	requireGolden(t, "signed-welcome", wire.WelcomeBytes(nonce, all["welcome"].(*wire.Welcome)))
	requireGolden(t, "signed-batch", wire.BatchBytes(5, 7, all["batch"].(*wire.Batch)))
	requireGolden(t, "signed-request", wire.RequestBytes(5, 7, wire.PathManifest, 1793600000000))
	requireGolden(t, "signed-enrolment", wire.ProofBytes([10]byte{1, 2, 3}))

	root := key(1)
	cert, err := wire.SignCert(root, wire.Cert{
		Org: 5, Role: wire.RoleProgramme, Key: key(2).Public().(ed25519.PublicKey), Till: 7, Store: 3, From: 100, Until: 200, Serial: 9,
	})
	require.NoError(t, err)
	requireGolden(t, "certificate", cert)
	signed, err := wire.Sign(key(2), cert, []byte("body"))
	require.NoError(t, err)
	requireGolden(t, "signed-body", signed)
	header, err := wire.SignRequest(key(3), 5, 7, wire.PathManifest, 1793600000000)
	require.NoError(t, err)
	requireGolden(t, "request-header", []byte(header))
}

func requireGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".hex")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(bytes.TrimSpace(want)), hex.EncodeToString(got), "%s changed: tills in the field say it otherwise", name)
}

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}
