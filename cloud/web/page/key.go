package page

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/kopilka/kopilka/ledger/sale"
)

// String is the place as it stands in an address.
func (k SaleKey) String() string { return placeText(k.At, k.ID) }

// ParseSaleKey reads what [SaleKey.String] writes.
func ParseSaleKey(text string) (SaleKey, error) {
	at, id, err := parsePlace(text)
	return SaleKey{at, id}, err
}

// String is the place as it stands in an address.
func (k FlagKey) String() string { return placeText(k.At, k.ID) }

// ParseFlagKey reads what [FlagKey.String] writes.
func ParseFlagKey(text string) (FlagKey, error) {
	at, id, err := parsePlace(text)
	return FlagKey{at, id}, err
}

func placeText(at sale.Time, id sale.ID) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	return base64.RawURLEncoding.EncodeToString(append(b, id[:]...))
}

func parsePlace(text string) (sale.Time, sale.ID, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 8+len(sale.ID{}) {
		return 0, sale.ID{}, fmt.Errorf("%w: no place in a list: %q", ErrNotFound, text)
	}
	return sale.Time(binary.BigEndian.Uint64(b)), sale.ID(b[8:]), nil
}

// String is the place as it stands in an address.
func (k EventKey) String() string { return placeText(k.At, k.ID) }

// ParseEventKey reads what [EventKey.String] writes.
func ParseEventKey(text string) (EventKey, error) {
	at, id, err := parsePlace(text)
	return EventKey{at, id}, err
}
