package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/kopilka/kopilka/ledger/sale"
)

// Limits of the customers' snapshot.
const (
	ChunkCustomersMax = 8192    // customers in one chunk, sorted by number
	ChunkInflatedMax  = 4 << 20 // of a chunk after decompression
	ManifestBytesMax  = 8 << 20
)

// Manifest lists the chunks of the customers' snapshot at a version of the feed. It is fetched signed
// (role manifest); chunks are fetched by their hash, so that tomorrow only changed ones travel.
type Manifest struct {
	Org       sale.OrgNo   `cbor:"1,keyasint"`
	Version   uint64       `cbor:"2,keyasint"` // of the feed: changes after it come in Down
	At        sale.Time    `cbor:"3,keyasint"`
	Customers uint64       `cbor:"4,keyasint"`
	Chunks    []ChunkRef   `cbor:"5,keyasint"`
	Cursors   []SeenByTill `cbor:"6,keyasint"` // what of each till's journal is in the balances
}

// ChunkRef names a chunk.
type ChunkRef struct {
	Hash  sale.Hash `cbor:"1,keyasint"` // of the compressed bytes
	Bytes int       `cbor:"2,keyasint"`
	Count int       `cbor:"3,keyasint"`
}

// SeenByTill is one till's place in the journal at the snapshot.
type SeenByTill struct {
	Till sale.TillNo `cbor:"1,keyasint"`
	Seen sale.Seen   `cbor:"2,keyasint"`
}

// Chunk is customers in columns: like beside like is what compresses. Balances and debts are hundredths of a point.
// Cards and Phones hold 8 bytes a key; CardOf and PhoneOf say, by index into the chunk, whose each is. What few
// have is by index; a column that nobody of the chunk has anything in is left out.
type Chunk struct {
	Numbers  []int64       `cbor:"1,keyasint"` // first the number, then the difference to the one before
	Names    []string      `cbor:"2,keyasint"`
	Tiers    []uint16      `cbor:"3,keyasint"`
	Homes    []uint32      `cbor:"4,keyasint"`
	Balances []int64       `cbor:"5,keyasint"`
	Debts    map[int]int64 `cbor:"6,keyasint,omitempty"`
	States   map[int]uint8 `cbor:"7,keyasint,omitempty"`
	Cards    []byte        `cbor:"8,keyasint"`
	CardOf   []int         `cbor:"9,keyasint"`
	Phones   []byte        `cbor:"10,keyasint"`
	PhoneOf  []int         `cbor:"11,keyasint"`

	Segments   []byte                     `cbor:"12,keyasint,omitempty"`
	Bought     []uint32                   `cbor:"13,keyasint,omitempty"`
	Enrolled   []int64                    `cbor:"14,keyasint,omitempty"`
	Spend      []int64                    `cbor:"15,keyasint,omitempty"`
	Receipts   []uint32                   `cbor:"16,keyasint,omitempty"`
	Referrals  map[int]uint32             `cbor:"17,keyasint,omitempty"`
	Expiring   []int64                    `cbor:"18,keyasint,omitempty"`
	ExpiringAt []int64                    `cbor:"19,keyasint,omitempty"`
	Staff      map[int]uint32             `cbor:"20,keyasint,omitempty"`
	Accounts   map[int][]int64            `cbor:"21,keyasint,omitempty"`
	Uses       map[int][]sale.PromoUse    `cbor:"22,keyasint,omitempty"`
	Purses     map[int][]sale.PurseAmount `cbor:"23,keyasint,omitempty"`
	Bearers    []int                      `cbor:"24,keyasint,omitempty"`
	Owed       map[int][]sale.PurseAmount `cbor:"25,keyasint,omitempty"`
}

// ErrChunk is wrapped by every refusal of a chunk.
var ErrChunk = errors.New("broken snapshot chunk")

// OpenManifest verifies a signed manifest and holds it against its limits and its own sums. A large
// organisation has more tills and chunks than [sale.Decode] lets into one list.
func OpenManifest(root ed25519.PublicKey, signed []byte) (*Manifest, error) {
	if len(signed) > ManifestBytesMax {
		return nil, fmt.Errorf("%w: manifest of %d bytes, at most %d", ErrChunk, len(signed), ManifestBytesMax)
	}
	body, err := Verify(root, signed, RoleManifest)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := chunkMode.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrChunk, err)
	}
	var customers uint64
	for i, c := range m.Chunks {
		if c.Count < 1 || c.Count > ChunkCustomersMax || c.Bytes < 1 || c.Bytes > ChunkInflatedMax {
			return nil, fmt.Errorf("%w: manifest: chunk %d of %d customers in %d bytes", ErrChunk, i, c.Count, c.Bytes)
		}
		customers += uint64(c.Count)
	}
	if customers != m.Customers {
		return nil, fmt.Errorf("%w: manifest: chunks hold %d customers, it says %d", ErrChunk, customers, m.Customers)
	}
	return m, nil
}

// Seen is what of a till's journal is in the snapshot's balances.
func (m *Manifest) Seen(till sale.TillNo) sale.Seen {
	for _, c := range m.Cursors {
		if c.Till == till {
			return c.Seen
		}
	}
	return sale.Seen{At: m.At}
}

// PackChunk encodes and compresses customers sorted by number.
func PackChunk(customers []sale.CustomerChange) ([]byte, error) {
	if len(customers) > ChunkCustomersMax {
		return nil, fmt.Errorf("%w: %d customers, at most %d", ErrChunk, len(customers), ChunkCustomersMax)
	}
	c := newChunk(len(customers))
	var last int64
	for i := range customers {
		n := int64(customers[i].Customer.No)
		if i > 0 && n <= last {
			return nil, fmt.Errorf("%w: customer %d after %d", ErrChunk, n, last)
		}
		c.Numbers, last = append(c.Numbers, n-last), n
		c.add(i, &customers[i].Customer)
		c.addKeys(i, customers[i].Keys)
	}
	c.leaveOut()
	plain, err := sale.Encode(c)
	if err != nil {
		return nil, err
	}
	return packer.EncodeAll(plain, nil), nil
}

// newChunk has the columns of which not all chunks have anything at their full length, to be left out again.
func newChunk(n int) *Chunk {
	return &Chunk{
		Debts: map[int]int64{}, States: map[int]uint8{}, Referrals: map[int]uint32{}, Staff: map[int]uint32{},
		Accounts: map[int][]int64{}, Uses: map[int][]sale.PromoUse{}, Purses: map[int][]sale.PurseAmount{}, Owed: map[int][]sale.PurseAmount{},
		Segments: make([]byte, n), Bought: make([]uint32, n), Enrolled: make([]int64, n), Spend: make([]int64, n),
		Receipts: make([]uint32, n), Expiring: make([]int64, n), ExpiringAt: make([]int64, n),
	}
}

func (c *Chunk) add(i int, x *sale.Customer) {
	c.Names = append(c.Names, x.Name)
	c.Tiers = append(c.Tiers, x.Tier)
	c.Homes = append(c.Homes, uint32(x.Home))
	c.Balances = append(c.Balances, int64(x.Balance))
	c.Segments[i], c.Bought[i], c.Enrolled[i] = x.Segment, x.Bought, int64(x.Enrolled)
	c.Spend[i], c.Receipts[i] = int64(x.Progress.Spend), x.Progress.Receipts
	c.Expiring[i], c.ExpiringAt[i] = int64(x.Expiring.Amount), int64(x.Expiring.At)
	few(c.Debts, i, int64(x.Debt))
	few(c.States, i, uint8(x.State))
	few(c.Referrals, i, x.Progress.Referrals)
	few(c.Staff, i, uint32(x.Staff))
	for _, no := range x.Accounts {
		c.Accounts[i] = append(c.Accounts[i], int64(no))
	}
	if len(x.Uses) > 0 {
		c.Uses[i] = x.Uses
	}
	if len(x.Purses) > 0 {
		c.Purses[i] = x.Purses
	}
	if len(x.Owed) > 0 {
		c.Owed[i] = x.Owed
	}
	if x.Bearer {
		c.Bearers = append(c.Bearers, i)
	}
}

func few[T comparable](column map[int]T, i int, v T) {
	var zero T
	if v != zero {
		column[i] = v
	}
}

// leaveOut drops the columns that hold nothing.
func (c *Chunk) leaveOut() {
	c.Segments, c.Bought, c.Enrolled = unlessZero(c.Segments), unlessZero(c.Bought), unlessZero(c.Enrolled)
	c.Spend, c.Receipts = unlessZero(c.Spend), unlessZero(c.Receipts)
	c.Expiring, c.ExpiringAt = unlessZero(c.Expiring), unlessZero(c.ExpiringAt)
}

func unlessZero[T comparable](column []T) []T {
	var zero T
	for _, v := range column {
		if v != zero {
			return column
		}
	}
	return nil
}

// at reads a column that may have been left out.
func at[T any](column []T, i int) (v T) {
	if len(column) == 0 {
		return v
	}
	return column[i]
}

func (c *Chunk) addKeys(i int, keys []sale.CustomerKey) {
	for _, k := range keys {
		switch k.Kind {
		case sale.KeyCard:
			c.Cards, c.CardOf = append(c.Cards, k.Key[:]...), append(c.CardOf, i)
		case sale.KeyPhone:
			c.Phones, c.PhoneOf = append(c.Phones, k.Key[:]...), append(c.PhoneOf, i)
		}
	}
}

// UnpackChunk is the inverse of PackChunk. seen is stamped on every customer.
func UnpackChunk(b []byte, seen sale.Seen) ([]sale.CustomerChange, error) {
	plain, err := chunkUnpacker.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: decompress: %w", ErrChunk, err)
	}
	var c Chunk
	if err := chunkMode.Unmarshal(plain, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChunk, err)
	}
	if err := c.checkColumns(); err != nil {
		return nil, err
	}
	out := make([]sale.CustomerChange, len(c.Numbers))
	var last int64
	for i := range out {
		last += c.Numbers[i]
		out[i].Customer = c.customer(i)
		out[i].Customer.No, out[i].Customer.Seen = sale.CustomerNo(last), seen
	}
	for _, i := range c.Bearers {
		if i < 0 || i >= len(out) {
			return nil, fmt.Errorf("%w: certificate %d of %d", ErrChunk, i, len(out))
		}
		out[i].Customer.Bearer = true
	}
	if err := spread(out, sale.KeyCard, c.Cards, c.CardOf); err != nil {
		return nil, err
	}
	return out, spread(out, sale.KeyPhone, c.Phones, c.PhoneOf)
}

// checkColumns wants a value a customer in every column that is there.
func (c *Chunk) checkColumns() error {
	n := len(c.Numbers)
	ok := n <= ChunkCustomersMax && len(c.Cards) == 8*len(c.CardOf) && len(c.Phones) == 8*len(c.PhoneOf)
	for _, length := range []int{len(c.Names), len(c.Tiers), len(c.Homes), len(c.Balances)} {
		ok = ok && length == n
	}
	for _, length := range []int{len(c.Segments), len(c.Bought), len(c.Enrolled), len(c.Spend), len(c.Receipts), len(c.Expiring), len(c.ExpiringAt)} {
		ok = ok && (length == n || length == 0)
	}
	if !ok {
		return fmt.Errorf("%w: columns of different lengths", ErrChunk)
	}
	return nil
}

// customer is one of the chunk's, all but number, moment and keys.
func (c *Chunk) customer(i int) sale.Customer {
	x := sale.Customer{
		Name: c.Names[i], Tier: c.Tiers[i], Home: sale.StoreNo(c.Homes[i]), Balance: sale.Points(c.Balances[i]),
		Debt: sale.Points(c.Debts[i]), State: sale.CustomerState(c.States[i]), Segment: at(c.Segments, i), Staff: sale.StaffNo(c.Staff[i]),
		Bought: at(c.Bought, i), Enrolled: sale.Time(at(c.Enrolled, i)), Uses: c.Uses[i], Purses: c.Purses[i], Owed: c.Owed[i],
		Progress: sale.Progress{Spend: sale.Money(at(c.Spend, i)), Receipts: at(c.Receipts, i), Referrals: c.Referrals[i]},
		Expiring: sale.Expiring{Amount: sale.Points(at(c.Expiring, i)), At: sale.Time(at(c.ExpiringAt, i))},
	}
	for _, no := range c.Accounts[i] {
		x.Accounts = append(x.Accounts, sale.CustomerNo(no))
	}
	return x
}

func spread(out []sale.CustomerChange, kind sale.KeyKind, keys []byte, of []int) error {
	for i, at := range of {
		if at < 0 || at >= len(out) {
			return fmt.Errorf("%w: a key of customer %d of %d", ErrChunk, at, len(out))
		}
		out[at].Keys = append(out[at].Keys, sale.CustomerKey{Kind: kind, Key: sale.LookupKey(keys[8*i : 8*i+8])})
	}
	return nil
}

// A chunk holds longer columns than any message.
var chunkMode = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 6,
	MaxArrayElements: 8 * ChunkCustomersMax, MaxMapPairs: 8 * ChunkCustomersMax, TagsMd: cbor.TagsForbidden,
}.DecMode())

var chunkUnpacker = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(ChunkInflatedMax), zstd.WithDecoderConcurrency(0)))
