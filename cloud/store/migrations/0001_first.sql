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
  region TEXT NOT NULL DEFAULT '', house INTEGER NOT NULL DEFAULT 0,
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
  advance INTEGER NOT NULL, reward INTEGER NOT NULL, found_by INTEGER NOT NULL, training INTEGER NOT NULL,
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
  reason TEXT NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL, advance INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX returns_at ON returns (org, at);
CREATE INDEX returns_till ON returns (org, till, at);
CREATE INDEX returns_store ON returns (org, store, at);
CREATE INDEX returns_of ON returns (org, of_sale);

-- Returns of receipts that the till did not know: named by the receipt's fiscal document, settled by an event.
CREATE TABLE pending_returns (
  org INTEGER NOT NULL, id BLOB NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL, at INTEGER NOT NULL, sale BLOB, settled INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX pending_returns_open ON pending_returns (org, at) WHERE settled = 0;
CREATE INDEX pending_returns_doc ON pending_returns (org, fn, fd);

-- The promotions of each receipt, and how often each customer has had one.
CREATE TABLE sale_promos (
  org INTEGER NOT NULL, sale BLOB NOT NULL, n INTEGER NOT NULL, promotion INTEGER NOT NULL, times INTEGER NOT NULL, discount INTEGER NOT NULL,
  points INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (org, sale, n)
) WITHOUT ROWID;
CREATE INDEX sale_promos_of ON sale_promos (org, promotion, at);

CREATE TABLE promo_uses (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, promotion INTEGER NOT NULL, times INTEGER NOT NULL,
  PRIMARY KEY (org, customer, promotion)
) WITHOUT ROWID;

-- What each account's own receipts come to; training is left out. A merged customer's are added when read.
CREATE TABLE bought (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, receipts INTEGER NOT NULL, spend INTEGER NOT NULL,
  PRIMARY KEY (org, customer)
) WITHOUT ROWID;

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
  settled INTEGER NOT NULL, recovered INTEGER NOT NULL,
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
  org INTEGER NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, purse INTEGER NOT NULL, balance INTEGER NOT NULL,
  PRIMARY KEY (org, kind, no, purse)
) WITHOUT ROWID;

CREATE TABLE postings (
  org INTEGER NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, purse INTEGER NOT NULL, record BLOB NOT NULL, n INTEGER NOT NULL, lot BLOB NOT NULL,
  amount INTEGER NOT NULL, at INTEGER NOT NULL, what INTEGER NOT NULL, till INTEGER NOT NULL,
  PRIMARY KEY (org, kind, no, record, n)
) WITHOUT ROWID;

CREATE TABLE lots (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, purse INTEGER NOT NULL, activates INTEGER NOT NULL, expires INTEGER NOT NULL,
  source BLOB NOT NULL, known INTEGER NOT NULL, remaining INTEGER NOT NULL, leased INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX lots_account ON lots (org, kind, no, purse);
CREATE INDEX lots_expiry ON lots (org, expires) WHERE expires > 0 AND remaining > 0;

CREATE TABLE leases (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, no INTEGER NOT NULL, purse INTEGER NOT NULL, store INTEGER NOT NULL,
  till INTEGER NOT NULL, until INTEGER NOT NULL, granted INTEGER NOT NULL, recalled INTEGER NOT NULL DEFAULT 0, released INTEGER NOT NULL DEFAULT 0, retired INTEGER NOT NULL DEFAULT 0,
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

-- merged_into is always the main customer, never another merged one. enrolled and enrol are the till's
-- enrolment, came_* and friend who brought them. Birthday is MM-DD or YYYY-MM-DD. prog_* is what counts towards tiers.
CREATE TABLE customers (
  org INTEGER NOT NULL, no INTEGER NOT NULL, name TEXT NOT NULL, short TEXT NOT NULL, phone TEXT NOT NULL DEFAULT '', tier INTEGER NOT NULL DEFAULT 0,
  home INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, search TEXT NOT NULL, created INTEGER NOT NULL,
  segment INTEGER NOT NULL DEFAULT 0, staff INTEGER NOT NULL DEFAULT 0, enrolled INTEGER NOT NULL DEFAULT 0, bearer INTEGER NOT NULL DEFAULT 0,
  birthday TEXT NOT NULL DEFAULT '', merged_into INTEGER NOT NULL DEFAULT 0, tier_until INTEGER NOT NULL DEFAULT 0,
  enrol BLOB, enrol_till INTEGER NOT NULL DEFAULT 0, enrol_staff INTEGER NOT NULL DEFAULT 0, friend TEXT NOT NULL DEFAULT '',
  came_campaign INTEGER NOT NULL DEFAULT 0, came_key BLOB,
  prog_spend INTEGER NOT NULL DEFAULT 0, prog_receipts INTEGER NOT NULL DEFAULT 0, prog_referrals INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, no)
);
CREATE INDEX customers_merged ON customers (org, merged_into) WHERE merged_into <> 0;
CREATE INDEX customers_enrol ON customers (org, enrol) WHERE enrol IS NOT NULL;
CREATE INDEX customers_birthday ON customers (org, birthday) WHERE birthday <> '';
CREATE INDEX customers_enrolled ON customers (org, enrolled) WHERE enrolled <> 0;
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
CREATE INDEX customer_keys_key ON customer_keys (org, kind, key);

CREATE TABLE consents (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, kind INTEGER NOT NULL, version INTEGER NOT NULL, given INTEGER NOT NULL, at INTEGER NOT NULL,
  till INTEGER NOT NULL, record BLOB NOT NULL,
  PRIMARY KEY (org, customer, kind, record)
) WITHOUT ROWID;

CREATE TABLE certificates (
  org INTEGER NOT NULL, no INTEGER NOT NULL, code TEXT NOT NULL, batch TEXT NOT NULL, amount INTEGER NOT NULL, expires INTEGER NOT NULL,
  issued INTEGER NOT NULL, made_by TEXT NOT NULL,
  PRIMARY KEY (org, no)
);
CREATE INDEX certificates_batch ON certificates (org, batch);

-- Single-use promo codes; state: 0 good, 1 used, 2 revoked. A campaign's state: 0 open, 1 withdrawn.
CREATE TABLE campaigns (
  org INTEGER NOT NULL, campaign INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, campaign)
);
CREATE TABLE codes (
  org INTEGER NOT NULL, key BLOB NOT NULL, campaign INTEGER NOT NULL, shard INTEGER NOT NULL, code TEXT NOT NULL, owner INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, made INTEGER NOT NULL, made_by TEXT NOT NULL,
  PRIMARY KEY (org, key)
) WITHOUT ROWID;
CREATE INDEX codes_shard ON codes (org, campaign, shard);
CREATE INDEX codes_owner ON codes (org, owner) WHERE owner <> 0;
CREATE TABLE code_uses (
  org INTEGER NOT NULL, key BLOB NOT NULL, record BLOB NOT NULL, campaign INTEGER NOT NULL, at INTEGER NOT NULL, customer INTEGER NOT NULL,
  till INTEGER NOT NULL,
  PRIMARY KEY (org, key, record)
) WITHOUT ROWID;
CREATE INDEX code_uses_campaign ON code_uses (org, campaign, at);

CREATE TABLE partners (
  org INTEGER NOT NULL, no INTEGER NOT NULL, name TEXT NOT NULL, contact TEXT NOT NULL DEFAULT '', share INTEGER NOT NULL DEFAULT 0,
  gone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (org, no)
);

-- Each cashier's day as tills are told of it, and when they were last told.
CREATE TABLE standings (
  org INTEGER NOT NULL, store INTEGER NOT NULL, day INTEGER NOT NULL, staff INTEGER NOT NULL, receipts INTEGER NOT NULL, with_customer INTEGER NOT NULL,
  enrolled INTEGER NOT NULL,
  PRIMARY KEY (org, store, day, staff)
) WITHOUT ROWID;
CREATE TABLE standings_told (
  org INTEGER NOT NULL, store INTEGER NOT NULL, at INTEGER NOT NULL, stale INTEGER NOT NULL,
  PRIMARY KEY (org, store)
) WITHOUT ROWID;

CREATE TABLE products (
  org INTEGER NOT NULL, sku TEXT NOT NULL, name TEXT NOT NULL, price INTEGER NOT NULL, min_price INTEGER NOT NULL DEFAULT 0, vat INTEGER NOT NULL,
  subject INTEGER NOT NULL, unit INTEGER NOT NULL DEFAULT 0, traits INTEGER NOT NULL DEFAULT 0, category TEXT NOT NULL DEFAULT '',
  gone INTEGER NOT NULL DEFAULT 0, tags BLOB, floors BLOB, search TEXT NOT NULL,
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

-- The inbox: policy is what head office did by itself, actions what a person may do (comma-separated), action what
-- was done.
CREATE TABLE flags (
  org INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, ru TEXT NOT NULL, en TEXT NOT NULL, till INTEGER NOT NULL, record BLOB NOT NULL,
  at INTEGER NOT NULL, resolved_by TEXT NOT NULL DEFAULT '', resolved_at INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
  customer INTEGER NOT NULL DEFAULT 0, other INTEGER NOT NULL DEFAULT 0, amount INTEGER NOT NULL DEFAULT 0, rule TEXT NOT NULL DEFAULT '',
  code BLOB, policy TEXT NOT NULL DEFAULT '', actions TEXT NOT NULL DEFAULT '', action TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (org, id)
);
CREATE INDEX flags_customer ON flags (org, customer) WHERE customer <> 0;
CREATE INDEX flags_record ON flags (org, record);
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
