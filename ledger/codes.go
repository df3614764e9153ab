package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"go.etcd.io/bbolt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Single-use promo codes. Head office sends the keys of those that nobody has used, in shards; what this
// till has taken itself is marked beside them, so that a shard which comes late does not give it again.

// ErrCodeUsed tells that a single-use code was taken at this till already.
var ErrCodeUsed = errors.New("this single-use code has been used at this till / этот одноразовый код на этой кассе уже использован")

// codesRow is a shard as head office last sent it.
type codesRow struct {
	Version uint64         `cbor:"1,keyasint"`
	Shard   sale.CodeShard `cbor:"2,keyasint"`
}

const codeKeyBytes = len(sale.LookupKey{})

// shardKey puts the shard first: a code is looked up in the shards of all campaigns that could hold it.
func shardKey(shard uint8, campaign uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{shard}, campaign)
}

func usedKey(c sale.CodeUse) []byte {
	return append(binary.BigEndian.AppendUint32(nil, c.Campaign), c.Key[:]...)
}

// find is a code's place in the shard; ok is false where it is not there.
func (r *codesRow) find(key sale.LookupKey) (at int, ok bool) {
	n := len(r.Shard.Keys) / codeKeyBytes
	nth := func(i int) []byte { return r.Shard.Keys[i*codeKeyBytes : (i+1)*codeKeyBytes] }
	at = sort.Search(n, func(i int) bool { return bytes.Compare(nth(i), key[:]) >= 0 })
	return at, at < n && bytes.Equal(nth(at), key[:])
}

func (r *codesRow) owner(at int) sale.CustomerNo {
	if at >= len(r.Shard.Owners) {
		return 0
	}
	return r.Shard.Owners[at]
}

// Code looks a single-use code up: its campaign, whose it is (zero: anybody's), and whether this till has
// taken it or holds it for the receipt begun. Where two campaigns have the code, one that is still free is
// named. ErrNotFound where no campaign has it and this till has not used it.
func (l *Ledger) Code(key sale.LookupKey) (campaign uint32, owner sale.CustomerNo, used bool, err error) {
	found := false
	err = l.view(func(tx *bbolt.Tx) error {
		job, err := begun(tx)
		if err != nil {
			return err
		}
		return eachShard(tx, key[0], func(row *codesRow) (bool, error) {
			at, ok := row.find(key)
			if !ok {
				return true, nil
			}
			use := sale.CodeUse{Campaign: row.Shard.Campaign, Key: key}
			taken := isUsed(tx, use) || holdsCode(job, use)
			if !found || !taken {
				found, campaign, owner, used = true, use.Campaign, row.owner(at), taken
			}
			return taken, nil
		})
	})
	if err == nil && !found {
		err = fmt.Errorf("code %x: %w", key, ErrNotFound)
	}
	return campaign, owner, used, err
}

func eachShard(tx *bbolt.Tx, shard uint8, visit func(*codesRow) (more bool, err error)) error {
	c := tx.Bucket([]byte("codes")).Cursor()
	for k, v := c.Seek([]byte{shard}); len(k) > 0 && k[0] == shard; k, v = c.Next() {
		var row codesRow
		if err := sale.Decode(v, &row); err != nil {
			return fmt.Errorf("%w: codes %x: %w", ErrDamaged, k, err)
		}
		if more, err := visit(&row); err != nil || !more {
			return err
		}
	}
	return nil
}

func isUsed(tx *bbolt.Tx, c sale.CodeUse) bool {
	return tx.Bucket([]byte("used")).Get(usedKey(c)) != nil
}

func holdsCode(job *Job, c sale.CodeUse) bool {
	if job == nil {
		return false
	}
	for _, held := range codesIn(&job.Draft) {
		if held == c {
			return true
		}
	}
	return false
}

// codesIn are the promo codes that a record takes.
func codesIn(r *sale.Record) []sale.CodeUse {
	switch {
	case r.Sale != nil:
		return r.Sale.Codes
	case r.Enrol != nil && r.Enrol.Code != nil:
		return []sale.CodeUse{*r.Enrol.Code}
	}
	return nil
}

// checkCodes refuses single-use codes that this till has taken, or holds for the receipt begun.
func (w *writer) checkCodes(r *sale.Record) error {
	codes := codesIn(r)
	if len(codes) == 0 {
		return nil
	}
	job, err := begun(w.Tx)
	if err != nil {
		return err
	}
	for i, c := range codes {
		single, err := w.single(c)
		if err != nil {
			return err
		}
		twice := false
		for _, earlier := range codes[:i] {
			twice = twice || earlier == c
		}
		if isUsed(w.Tx, c) || (single && (twice || holdsCode(job, c))) {
			return fmt.Errorf("%w: %x of campaign %d", ErrCodeUsed, c.Key, c.Campaign)
		}
	}
	return nil
}

// single tells whether a code is of the single-use ones that this till knows.
func (w *writer) single(c sale.CodeUse) (bool, error) {
	var row codesRow
	found, err := get(w.bucket("codes"), shardKey(c.Key[0], c.Campaign), &row)
	if err != nil || !found {
		return false, err
	}
	_, found = row.find(c.Key)
	return found, nil
}

// useCodes marks a record's single-use codes as taken by it. A code that an earlier record has taken stays
// that one's: head office decides between the two.
func (w *writer) useCodes(r *sale.Record) error {
	for _, c := range codesIn(r) {
		single, err := w.single(c)
		if err != nil {
			return err
		}
		if !single || isUsed(w.Tx, c) {
			continue
		}
		if err := w.bucket("used").Put(usedKey(c), positionKey(r.Epoch, r.Seq)); err != nil {
			return fmt.Errorf("mark code %x used: %w", c.Key, err)
		}
	}
	return nil
}

func (w *writer) applyCodes(c sale.Change) error {
	campaign, shard := binary.BigEndian.Uint32(c.Key), c.Key[4]
	var old codesRow
	if _, err := get(w.bucket("codes"), shardKey(shard, campaign), &old); err != nil || old.Version > c.Version {
		return err
	}
	row := codesRow{Version: c.Version, Shard: sale.CodeShard{Campaign: campaign, Shard: shard}}
	if !c.Gone {
		if err := decodeChange(c.Body, &row.Shard); err != nil {
			return err
		}
		if row.Shard.Campaign != campaign || row.Shard.Shard != shard {
			return refuse("codes of campaign %d under the key %x", row.Shard.Campaign, c.Key)
		}
		if err := checkShard(row.Shard); err != nil {
			return err
		}
	}
	return put(w.bucket("codes"), shardKey(shard, campaign), row)
}

func checkShard(s sale.CodeShard) error {
	n := len(s.Keys) / codeKeyBytes
	if len(s.Keys)%codeKeyBytes != 0 || (len(s.Owners) != 0 && len(s.Owners) != n) {
		return refuse("codes: %d bytes of keys, %d owners", len(s.Keys), len(s.Owners))
	}
	for i := range n {
		key := s.Keys[i*codeKeyBytes : (i+1)*codeKeyBytes]
		if key[0] != s.Shard || (i > 0 && bytes.Compare(s.Keys[(i-1)*codeKeyBytes:i*codeKeyBytes], key) >= 0) {
			return refuse("codes: key %x is not of shard %d, or out of order", key, s.Shard)
		}
	}
	return nil
}
