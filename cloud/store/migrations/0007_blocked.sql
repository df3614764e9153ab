-- What a blocked customer was before the block: unblocking ends no training.
ALTER TABLE customers ADD COLUMN blocked_as INTEGER NOT NULL DEFAULT 0;
