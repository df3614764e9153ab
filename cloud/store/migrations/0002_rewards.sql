-- When head office came back from a backup: nothing is leased before tills have said what they hold.
ALTER TABLE orgs ADD COLUMN restored_at INTEGER NOT NULL DEFAULT 0;

-- Whom a friend's code was found to name, once and for all: the code is never looked up again.
ALTER TABLE customers ADD COLUMN referrer INTEGER NOT NULL DEFAULT 0;

-- The way a merge went: the number that this one was merged into by hand or as a double, and what the merge changed
-- there. merged_into is where that way ends. lent_state is the other's state before, plus one; zero: it stayed.
ALTER TABLE customers ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
ALTER TABLE customers ADD COLUMN lent_state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE customers ADD COLUMN lent_tier BLOB;

-- Counts head office's decisions about rewards. One that was made before another is made again.
CREATE TABLE turns (
  org INTEGER NOT NULL PRIMARY KEY, turn INTEGER NOT NULL
);

-- Receipts, enrolments, merges and customers whose rewards head office should reckon. The subject is what it is
-- about, the cause the record that changed it last: a decision made on an older one takes no row away.
CREATE TABLE due_rewards (
  org INTEGER NOT NULL, subject BLOB NOT NULL, kind INTEGER NOT NULL, customer INTEGER NOT NULL, cause BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (org, subject)
);
CREATE INDEX due_rewards_at ON due_rewards (org, at);

-- Every reward given (amount above zero) and taken back (below). The period is what stands before the key's first slash.
CREATE TABLE rewards (
  org INTEGER NOT NULL, record BLOB NOT NULL, customer INTEGER NOT NULL, cause TEXT NOT NULL, key TEXT NOT NULL, period TEXT NOT NULL,
  level INTEGER NOT NULL, amount INTEGER NOT NULL, subject BLOB NOT NULL, lot BLOB NOT NULL, at INTEGER NOT NULL, programme INTEGER NOT NULL,
  reasons BLOB NOT NULL,
  PRIMARY KEY (org, record)
);
CREATE INDEX rewards_customer ON rewards (org, customer, cause, period);
CREATE INDEX rewards_key ON rewards (org, cause, key);
CREATE INDEX rewards_subject ON rewards (org, subject);

-- What everybody above a buyer deserves for a receipt as it stands, refusals with their reasons included.
CREATE TABLE referral_shares (
  org INTEGER NOT NULL, sale BLOB NOT NULL, level INTEGER NOT NULL, referrer INTEGER NOT NULL, friend INTEGER NOT NULL, period TEXT NOT NULL,
  deserved INTEGER NOT NULL, counts INTEGER NOT NULL, at INTEGER NOT NULL, reasons BLOB NOT NULL,
  PRIMARY KEY (org, sale, level)
);
CREATE INDEX referral_shares_of ON referral_shares (org, referrer, period);

-- The code that a customer gives to friends.
CREATE TABLE referral_codes (
  org INTEGER NOT NULL, code TEXT NOT NULL, customer INTEGER NOT NULL,
  PRIMARY KEY (org, code)
);
CREATE INDEX referral_codes_of ON referral_codes (org, customer);

CREATE TABLE tier_changes (
  org INTEGER NOT NULL, customer INTEGER NOT NULL, n INTEGER NOT NULL, record BLOB NOT NULL, tier_from INTEGER NOT NULL, tier_to INTEGER NOT NULL,
  until INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, programme INTEGER NOT NULL,
  PRIMARY KEY (org, customer, n)
);

CREATE TABLE draws (
  org INTEGER NOT NULL, record BLOB NOT NULL, purse INTEGER NOT NULL, seed TEXT NOT NULL, tickets INTEGER NOT NULL, winners BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (org, record)
);

-- The last day that a daily job has done.
CREATE TABLE jobs (
  org INTEGER NOT NULL, job TEXT NOT NULL, day INTEGER NOT NULL,
  PRIMARY KEY (org, job)
);
