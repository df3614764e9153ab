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
// Cards and Phones hold 8 bytes a key; CardOf and PhoneOf say, by index into the chunk, whose each is.
type Chunk struct {
	Numbers  []int64       `cbor:"1,keyasint"` // first the number, then the difference to the one before
	Names    []string      `cbor:"2,keyasint"`
	Tiers    []uint16      `cbor:"3,keyasint"`
	Homes    []uint32      `cbor:"4,keyasint"`
	Balances []int64       `cbor:"5,keyasint"`
	Debts    map[int]int64 `cbor:"6,keyasint,omitempty"` // by index; few have any
	States   map[int]uint8 `cbor:"7,keyasint,omitempty"`
	Cards    []byte        `cbor:"8,keyasint"`
	CardOf   []int         `cbor:"9,keyasint"`
	Phones   []byte        `cbor:"10,keyasint"`
	PhoneOf  []int         `cbor:"11,keyasint"`
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
	c := Chunk{Debts: map[int]int64{}, States: map[int]uint8{}}
	var last int64
	for i, x := range customers {
		n := int64(x.Customer.No)
		if i > 0 && n <= last {
			return nil, fmt.Errorf("%w: customer %d after %d", ErrChunk, n, last)
		}
		c.Numbers, last = append(c.Numbers, n-last), n
		c.Names = append(c.Names, x.Customer.Name)
		c.Tiers = append(c.Tiers, x.Customer.Tier)
		c.Homes = append(c.Homes, uint32(x.Customer.Home))
		c.Balances = append(c.Balances, int64(x.Customer.Balance))
		if x.Customer.Debt != 0 {
			c.Debts[i] = int64(x.Customer.Debt)
		}
		if x.Customer.State != 0 {
			c.States[i] = uint8(x.Customer.State)
		}
		c.addKeys(i, x.Keys)
	}
	plain, err := sale.Encode(c)
	if err != nil {
		return nil, err
	}
	return packer.EncodeAll(plain, nil), nil
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
	n := len(c.Numbers)
	if n > ChunkCustomersMax || len(c.Names) != n || len(c.Tiers) != n || len(c.Homes) != n || len(c.Balances) != n ||
		len(c.Cards) != 8*len(c.CardOf) || len(c.Phones) != 8*len(c.PhoneOf) {
		return nil, fmt.Errorf("%w: columns of different lengths", ErrChunk)
	}
	out := make([]sale.CustomerChange, n)
	var last int64
	for i := range out {
		last += c.Numbers[i]
		out[i].Customer = sale.Customer{
			No: sale.CustomerNo(last), Name: c.Names[i], Tier: c.Tiers[i], Home: sale.StoreNo(c.Homes[i]),
			Balance: sale.Points(c.Balances[i]), Debt: sale.Points(c.Debts[i]), State: sale.CustomerState(c.States[i]), Seen: seen,
		}
	}
	if err := spread(out, sale.KeyCard, c.Cards, c.CardOf); err != nil {
		return nil, err
	}
	return out, spread(out, sale.KeyPhone, c.Phones, c.PhoneOf)
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
