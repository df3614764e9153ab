package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/ledger"
	"github.com/kopilka/kopilka/ledger/ledgertest"
	"github.com/kopilka/kopilka/ledger/sale"
)

func newcomer(n uint64) ledger.NewEnrolment {
	return ledger.NewEnrolment{
		Staff: 3, Name: "Вера К.", Tier: 1, Keys: []sale.CustomerKey{card(n), phone(n)}, Person: sale.Hash{1}, Sealed: []byte("sealed"),
		Consents: []sale.Consent{{Kind: sale.ConsentPersonalData, Version: 2, Given: true}},
	}
}

// A customer taken in without a network is found at once, earns and spends here, and is head office's from
// its first word on.
func TestEnrolCustomer(t *testing.T) {
	s := newShop(t)
	r, c, err := s.EnrolCustomer(newcomer(40))
	require.NoError(t, err)
	require.Equal(t, sale.MakeNumber(ledgertest.Who.Till, 1), c.No)
	require.Equal(t, c.No, r.Enrol.Customer)
	require.Equal(t, s.clock.At, c.Enrolled)
	entries, err := s.Since(sale.Position{Epoch: 1, Seq: 1}, 1, 1<<20)
	require.NoError(t, err)
	require.Equal(t, []byte("sealed"), entries[0].Sealed)
	require.NotContains(t, string(entries[0].Record), "Вера", "who it is never enters the record")
	for _, k := range newcomer(40).Keys { // hashed bytes cannot be erased, and a phone's key can be found by trial
		require.NotContains(t, string(entries[0].Record), string(k.Key[:]))
	}
	byNo, err := s.RecordByNo(c.No)
	require.NoError(t, err)
	require.Equal(t, r.ID, byNo.ID)
	s.reopen()
	for _, k := range newcomer(40).Keys {
		found, err := s.FindCustomer(k)
		require.NoError(t, err)
		require.Equal(t, c, found)
	}
	require.Equal(t, sale.MakeNumber(ledgertest.Who.Till, 2), s.NextNo(), "sales and customers share the counter")
	s.sell(c.No, 0, 10000)
	require.Equal(t, sale.Points(500), s.balance(c.No), "5 % of silver")
	s.sell(c.No, 500, 10000)
	require.Equal(t, sale.Points(475), s.balance(c.No))

	// Head office's own word: it has read the enrolment and the first receipt.
	s.apply(customerChange(sale.Customer{No: c.No, Name: "Вера К.", Balance: 1500, Seen: sale.Seen{Epoch: 1, Seq: 3}}, card(40)))
	require.Equal(t, sale.Points(1475), s.balance(c.No), "with its welcome points")
	_, err = s.FindCustomer(phone(40))
	require.ErrorIs(t, err, ledger.ErrNotFound, "it has taken the phone away")
}

func TestEnrolRefusesTheKnown(t *testing.T) {
	s := newShop(t)
	s.apply(customerChange(sale.Customer{No: anna, Name: "Анна П."}, card(1)), customerChange(sale.Customer{No: 6}, phone(2)))
	s.fill(5, member(9, sale.Seen{}))
	for name, k := range map[string]sale.CustomerKey{"by a change": phone(2), "in the snapshot": card(9)} {
		s.version = max(s.version, 5)
		n := newcomer(40)
		n.Keys = append(n.Keys, k)
		_, who, err := s.EnrolCustomer(n)
		if name == "by a change" { // the snapshot, which is newer, does not have that customer
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ledger.ErrKnown, name)
		require.NotZero(t, who.No, name)
	}
	s.apply(customerChange(sale.Customer{No: anna, Name: "Анна П."}, card(1)))
	n := newcomer(50)
	n.Keys = []sale.CustomerKey{phone(50), card(1)}
	_, who, err := s.EnrolCustomer(n)
	require.ErrorIs(t, err, ledger.ErrKnown)
	require.Equal(t, anna, who.No)
	_, _, err = s.EnrolCustomer(newcomer(40))
	require.ErrorIs(t, err, ledger.ErrKnown, "enrolled a moment ago")
	_, _, err = s.EnrolCustomer(ledger.NewEnrolment{Name: "Вера К."})
	require.ErrorIs(t, err, sale.ErrRecord, "nobody could find them again")
	_, err = s.FindCustomer(phone(50))
	require.ErrorIs(t, err, ledger.ErrNotFound, "a refusal changes nothing")
	require.Equal(t, []string{"epoch", "enrol"}, s.kinds())
}

// A snapshot made before head office heard of the enrolment does not hide the customer; one made after does,
// where head office has left them out.
func TestEnrolledAndSnapshots(t *testing.T) {
	s := newShop(t)
	_, c, err := s.EnrolCustomer(newcomer(40)) // 1/2
	require.NoError(t, err)
	s.fill(5, member(9, sale.Seen{Epoch: 1, Seq: 1}))
	_, err = s.FindCustomer(card(40))
	require.NoError(t, err)
	_, err = s.FindCustomer(card(9))
	require.NoError(t, err)
	s.fill(6, sale.CustomerChange{Customer: sale.Customer{No: c.No, Name: "Вера К.", Balance: 700, Seen: sale.Seen{Epoch: 1, Seq: 2}}, Keys: []sale.CustomerKey{card(40)}})
	found, err := s.FindCustomer(card(40))
	require.NoError(t, err)
	require.Equal(t, sale.Points(700), found.Balance)
	_, err = s.FindCustomer(phone(40))
	require.ErrorIs(t, err, ledger.ErrNotFound)
	s.fill(7, member(9, sale.Seen{Epoch: 1, Seq: 2}))
	_, err = s.FindCustomer(card(40))
	require.ErrorIs(t, err, ledger.ErrNotFound)
	_, err = s.Customer(c.No)
	require.ErrorIs(t, err, ledger.ErrNotFound)
}

// A card that head office took from one customer may be given to a new one here.
func TestEnrolWithATakenCard(t *testing.T) {
	s := newShop(t)
	s.fill(5, member(9, sale.Seen{}))
	s.version = 5
	s.apply(customerChange(sale.Customer{No: 9}, phone(9))) // its card is missing
	_, c, err := s.EnrolCustomer(ledger.NewEnrolment{Name: "Вера К.", Keys: []sale.CustomerKey{card(9)}})
	require.NoError(t, err)
	found, err := s.FindCustomer(card(9))
	require.NoError(t, err)
	require.Equal(t, c.No, found.No)
	found, err = s.FindCustomer(phone(9))
	require.NoError(t, err)
	require.Equal(t, sale.CustomerNo(9), found.No)
}

func TestEnrolmentCode(t *testing.T) {
	s := newShop(t)
	s.apply(codesChange(7, free(1, 0)))
	n := newcomer(40)
	n.Code = &sale.CodeUse{Campaign: 7, Key: code(1)}
	_, _, err := s.EnrolCustomer(n)
	require.NoError(t, err)
	n = newcomer(41)
	n.Code = &sale.CodeUse{Campaign: 7, Key: code(1)}
	_, _, err = s.EnrolCustomer(n)
	require.ErrorIs(t, err, ledger.ErrCodeUsed)
}
