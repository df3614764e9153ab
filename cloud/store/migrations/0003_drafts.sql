-- Programmes being written: nothing here is signed or sent to tills. rev grows with each save.
CREATE TABLE drafts (
  org INTEGER NOT NULL, no INTEGER NOT NULL, rev INTEGER NOT NULL, base INTEGER NOT NULL, note TEXT NOT NULL, body BLOB NOT NULL,
  made INTEGER NOT NULL, made_by TEXT NOT NULL, changed INTEGER NOT NULL, changed_by TEXT NOT NULL,
  PRIMARY KEY (org, no)
);
