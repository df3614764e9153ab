-- Correction receipts: for the tax office, out of every figure of sales. of is what is corrected, 1 a sale, 2 a
-- return; total and cash are as on the receipt, without a sign.
CREATE TABLE corrections (
  org INTEGER NOT NULL, id BLOB NOT NULL, no INTEGER NOT NULL, store INTEGER NOT NULL, till INTEGER NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, at INTEGER NOT NULL, shift INTEGER NOT NULL, staff INTEGER NOT NULL, of_doc INTEGER NOT NULL, day INTEGER NOT NULL,
  prescribed INTEGER NOT NULL, number TEXT NOT NULL, total INTEGER NOT NULL, cash INTEGER NOT NULL, fn TEXT NOT NULL, fd INTEGER NOT NULL,
  PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX corrections_at ON corrections (org, at);

ALTER TABLE shifts ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shifts ADD COLUMN corrected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shifts ADD COLUMN st_corrections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shifts ADD COLUMN st_corrected INTEGER NOT NULL DEFAULT 0;
-- The fiscal storage that was found instead of the shift's own: the shift ended without a Z report.
ALTER TABLE shifts ADD COLUMN swapped TEXT NOT NULL DEFAULT '';
