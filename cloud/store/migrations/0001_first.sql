-- One text for both engines: INTEGER is BIGINT and BLOB is BYTEA on PostgreSQL, where rows have no rowid.
-- The organisation stands first in every key, so that it can be the distribution column.

CREATE TABLE orgs (
  org INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, support TEXT NOT NULL DEFAULT '',
  card_secret BLOB NOT NULL, phone_salt BLOB NOT NULL, phone_passes INTEGER NOT NULL, phone_kib INTEGER NOT NULL,
  generation INTEGER NOT NULL, feed INTEGER NOT NULL, tills INTEGER NOT NULL DEFAULT 0,
  customers INTEGER NOT NULL DEFAULT 0, operations INTEGER NOT NULL DEFAULT 0, certs INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL
);

-- role: 0 root, 1 online, 2 programme, 3 manifest (wire.Role), 10 seal (X25519).
CREATE TABLE org_keys (
  org INTEGER NOT NULL, role INTEGER NOT NULL, public BLOB NOT NULL, private BLOB NOT NULL, cert BLOB,
  PRIMARY KEY (org, role)
);

CREATE TABLE stores (
  org INTEGER NOT NULL, store INTEGER NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL DEFAULT '', zone TEXT NOT NULL,
  PRIMARY KEY (org, store)
);

-- Till 0 is head office itself: its row is the lock of head office's own chain. state: 0 waits for
-- enrolment, 1 active, 2 revoked.
CREATE TABLE tills (
  org INTEGER NOT NULL, till INTEGER NOT NULL, store INTEGER NOT NULL, name TEXT NOT NULL DEFAULT '', pubkey BLOB, cert BLOB,
  state INTEGER NOT NULL DEFAULT 0, enrolled INTEGER NOT NULL DEFAULT 0, seen INTEGER NOT NULL DEFAULT 0, program TEXT NOT NULL DEFAULT '',
  down INTEGER NOT NULL DEFAULT 0, filled INTEGER NOT NULL DEFAULT -1, status BLOB, status_at INTEGER NOT NULL DEFAULT 0,
  shift INTEGER NOT NULL DEFAULT 0, shift_open INTEGER NOT NULL DEFAULT 0, unsent INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, till)
);

CREATE TABLE enrol_codes (
  hash BLOB NOT NULL PRIMARY KEY, org INTEGER NOT NULL, store INTEGER NOT NULL, till INTEGER NOT NULL DEFAULT 0,
  expires INTEGER NOT NULL, made_by TEXT NOT NULL DEFAULT '', used_key BLOB, used_at INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE cursors (
  org INTEGER NOT NULL, till INTEGER NOT NULL, fork INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL,
  PRIMARY KEY (org, till, fork, epoch)
) WITHOUT ROWID;

-- state: 0 booked, 1 parked, 2 quarantined, 3 duplicate of a booked one.
CREATE TABLE records (
  org INTEGER NOT NULL, till INTEGER NOT NULL, fork INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  id BLOB NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL, store INTEGER NOT NULL, at INTEGER NOT NULL, quality INTEGER NOT NULL,
  shift INTEGER NOT NULL, staff INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (org, till, fork, epoch, seq)
);
CREATE INDEX records_id ON records (org, id);
CREATE INDEX records_state ON records (org, till, state) WHERE state <> 0;

CREATE TABLE sealed (
  org INTEGER NOT NULL, record BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (org, record)
);

CREATE TABLE parked (
  org INTEGER NOT NULL, till INTEGER NOT NULL, fork INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  record BLOB NOT NULL, at INTEGER NOT NULL, problem TEXT NOT NULL,
  PRIMARY KEY (org, till, fork, epoch, seq)
);

CREATE TABLE sales (
  org INTEGER NOT NULL, id BLOB NOT NULL, no INTEGER NOT NULL, store INTEGER NOT NULL, till INTEGER NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, at INTEGER NOT NULL, shift INTEGER NOT NULL, staff INTEGER NOT NULL, customer INTEGER NOT NULL, tier INTEGER NOT NULL,
  programme INTEGER NOT NULL, gross INTEGER NOT NULL, discount INTEGER NOT NULL, redeemed INTEGER NOT NULL, total INTEGER NOT NULL,
  earned INTEGER NOT NULL, cash INTEGER NOT NULL, lines INTEGER NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL, recovered INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX sales_at ON sales (org, at);
CREATE INDEX sales_till ON sales (org, till, at);
CREATE INDEX sales_store ON sales (org, store, at);
CREATE INDEX sales_customer ON sales (org, customer, at) WHERE customer <> 0;

CREATE TABLE sale_lines (
  org INTEGER NOT NULL, sale BLOB NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, name TEXT NOT NULL, qty INTEGER NOT NULL,
  price INTEGER NOT NULL, gross INTEGER NOT NULL, discount INTEGER NOT NULL, redeemed INTEGER NOT NULL, net INTEGER NOT NULL,
  earned INTEGER NOT NULL, vat INTEGER NOT NULL,
  PRIMARY KEY (org, sale, line)
) WITHOUT ROWID;

CREATE TABLE returns (
  org INTEGER NOT NULL, id BLOB NOT NULL, no INTEGER NOT NULL, of_sale BLOB NOT NULL, of_no INTEGER NOT NULL, store INTEGER NOT NULL,
  till INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, shift INTEGER NOT NULL, staff INTEGER NOT NULL,
  customer INTEGER NOT NULL, total INTEGER NOT NULL, restored INTEGER NOT NULL, clawed INTEGER NOT NULL, cash INTEGER NOT NULL,
  reason TEXT NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX returns_at ON returns (org, at);
CREATE INDEX returns_till ON returns (org, till, at);
CREATE INDEX returns_store ON returns (org, store, at);
CREATE INDEX returns_of ON returns (org, of_sale);

CREATE TABLE return_lines (
  org INTEGER NOT NULL, ret BLOB NOT NULL, n INTEGER NOT NULL, line INTEGER NOT NULL, sku TEXT NOT NULL, name TEXT NOT NULL, qty INTEGER NOT NULL,
  net INTEGER NOT NULL, restored INTEGER NOT NULL, clawed INTEGER NOT NULL, vat INTEGER NOT NULL,
  PRIMARY KEY (org, ret, n)
) WITHOUT ROWID;

CREATE TABLE tenders (
  org INTEGER NOT NULL, record BLOB NOT NULL, n INTEGER NOT NULL, kind INTEGER NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (org, record, n)
) WITHOUT ROWID;

CREATE TABLE fiscal_docs (
  org INTEGER NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL, record BLOB NOT NULL, till INTEGER NOT NULL, kind INTEGER NOT NULL,
  doc INTEGER NOT NULL, sum INTEGER NOT NULL, sign INTEGER NOT NULL, shift INTEGER NOT NULL, stamp TEXT NOT NULL, register TEXT NOT NULL,
  settled INTEGER NOT NULL,
  PRIMARY KEY (org, fn, fd)
) WITHOUT ROWID;

CREATE TABLE shifts (
  org INTEGER NOT NULL, till INTEGER NOT NULL, fn TEXT NOT NULL, shift INTEGER NOT NULL, store INTEGER NOT NULL, staff INTEGER NOT NULL,
  opened INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0, sales INTEGER NOT NULL DEFAULT 0, returns INTEGER NOT NULL DEFAULT 0,
  sold INTEGER NOT NULL DEFAULT 0, refunded INTEGER NOT NULL DEFAULT 0, cash INTEGER NOT NULL DEFAULT 0, card INTEGER NOT NULL DEFAULT 0,
  earned INTEGER NOT NULL DEFAULT 0, redeemed INTEGER NOT NULL DEFAULT 0, head BLOB, storage INTEGER NOT NULL DEFAULT 0,
  st_sales INTEGER NOT NULL DEFAULT 0, st_returns INTEGER NOT NULL DEFAULT 0, st_sold INTEGER NOT NULL DEFAULT 0, st_refunded INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, till, fn, shift)
);

CREATE TABLE cash_moves (
  org INTEGER NOT NULL, id BLOB NOT NULL, store INTEGER NOT NULL, till INTEGER NOT NULL, at INTEGER NOT NULL, shift INTEGER NOT NULL,
  staff INTEGER NOT NULL, amount INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (org, id)
);

CREATE TABLE accounts (
  org INTEGER NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, balance INTEGER NOT NULL,
  PRIMARY KEY (org, kind, no)
) WITHOUT ROWID;

CREATE TABLE postings (
  org INTEGER NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, record BLOB NOT NULL, n INTEGER NOT NULL, lot BLOB NOT NULL,
  amount INTEGER NOT NULL, at INTEGER NOT NULL, what INTEGER NOT NULL, till INTEGER NOT NULL,
  PRIMARY KEY (org, kind, no, record, n)
) WITHOUT ROWID;

CREATE TABLE lots (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, activates INTEGER NOT NULL, expires INTEGER NOT NULL,
  source BLOB NOT NULL, known INTEGER NOT NULL, remaining INTEGER NOT NULL, leased INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX lots_account ON lots (org, kind, no);

CREATE TABLE leases (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, store INTEGER NOT NULL, till INTEGER NOT NULL,
  until INTEGER NOT NULL, granted INTEGER NOT NULL, recalled INTEGER NOT NULL DEFAULT 0, released INTEGER NOT NULL DEFAULT 0, retired INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX leases_account ON leases (org, kind, no);
CREATE INDEX leases_till ON leases (org, till, released);

CREATE TABLE lease_parts (
  org INTEGER NOT NULL, lease BLOB NOT NULL, lot BLOB NOT NULL, amount INTEGER NOT NULL, spent INTEGER NOT NULL,
  PRIMARY KEY (org, lease, lot)
) WITHOUT ROWID;

-- The last till that asked for a customer's lease and has not got it.
CREATE TABLE asks (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, till INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (org, customer)
);

CREATE TABLE customers (
  org INTEGER NOT NULL, no INTEGER NOT NULL, name TEXT NOT NULL, short TEXT NOT NULL, phone TEXT NOT NULL DEFAULT '', tier INTEGER NOT NULL DEFAULT 0,
  home INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, search TEXT NOT NULL, created INTEGER NOT NULL,
  PRIMARY KEY (org, no)
);
CREATE INDEX customers_search ON customers (org, search);
CREATE INDEX customers_phone ON customers (org, phone) WHERE phone <> '';

CREATE TABLE customer_cards (
  org INTEGER NOT NULL, card TEXT NOT NULL, customer INTEGER NOT NULL,
  PRIMARY KEY (org, card)
) WITHOUT ROWID;
CREATE INDEX customer_cards_of ON customer_cards (org, customer);

CREATE TABLE customer_keys (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (org, customer, kind, key)
) WITHOUT ROWID;

CREATE TABLE products (
  org INTEGER NOT NULL, sku TEXT NOT NULL, name TEXT NOT NULL, price INTEGER NOT NULL, min_price INTEGER NOT NULL DEFAULT 0, vat INTEGER NOT NULL,
  subject INTEGER NOT NULL, unit INTEGER NOT NULL DEFAULT 0, traits INTEGER NOT NULL DEFAULT 0, category TEXT NOT NULL DEFAULT '',
  gone INTEGER NOT NULL DEFAULT 0, search TEXT NOT NULL,
  PRIMARY KEY (org, sku)
);

CREATE TABLE product_codes (
  org INTEGER NOT NULL, code TEXT NOT NULL, sku TEXT NOT NULL,
  PRIMARY KEY (org, code)
) WITHOUT ROWID;
CREATE INDEX product_codes_of ON product_codes (org, sku);

CREATE TABLE staff (
  org INTEGER NOT NULL, no INTEGER NOT NULL, name TEXT NOT NULL, inn TEXT NOT NULL DEFAULT '', role INTEGER NOT NULL, pin BLOB, salt BLOB,
  gone INTEGER NOT NULL DEFAULT 0, store INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, no)
);

CREATE TABLE programmes (
  org INTEGER NOT NULL, version INTEGER NOT NULL, effective INTEGER NOT NULL, published INTEGER NOT NULL, made_by TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '', body BLOB NOT NULL, signed BLOB NOT NULL,
  PRIMARY KEY (org, version)
);

CREATE TABLE flags (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, ru TEXT NOT NULL, en TEXT NOT NULL, till INTEGER NOT NULL, record BLOB NOT NULL,
  at INTEGER NOT NULL, resolved_by TEXT NOT NULL DEFAULT '', resolved_at INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (org, id)
);
CREATE INDEX flags_open ON flags (org, at) WHERE resolved_at = 0;

CREATE TABLE feed (
  org INTEGER NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, gone INTEGER NOT NULL,
  till INTEGER NOT NULL, store INTEGER NOT NULL,
  PRIMARY KEY (org, kind, key)
) WITHOUT ROWID;
CREATE INDEX feed_version ON feed (org, version);

CREATE TABLE manifests (
  org INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, customers INTEGER NOT NULL, signed BLOB NOT NULL,
  PRIMARY KEY (org, version)
);

CREATE TABLE chunks (
  org INTEGER NOT NULL, hash BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (org, hash)
);

CREATE TABLE users (
  org INTEGER NOT NULL, login TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, hash BLOB NOT NULL, salt BLOB NOT NULL,
  lang TEXT NOT NULL DEFAULT 'ru', created INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, login)
);

CREATE TABLE sessions (
  hash BLOB NOT NULL PRIMARY KEY, org INTEGER NOT NULL, login TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, csrf BLOB
);

CREATE TABLE audit (
  org INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (org, id)
);
CREATE INDEX audit_at ON audit (org, at);

-- Customers whose points head office should look at: something of theirs has become free.
CREATE TABLE due (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, at INTEGER NOT NULL, cause BLOB NOT NULL,
  PRIMARY KEY (org, customer)
);
