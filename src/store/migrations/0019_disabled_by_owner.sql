-- Of an app that is disabled: 1 where its owner did that, who can enable it again.
ALTER TABLE apps ADD COLUMN disabled_by_owner BIGINT NOT NULL DEFAULT 0;
