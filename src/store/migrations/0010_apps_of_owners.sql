-- 1: the app has no list of scopes; it may have what its owner has, but for the issuer's own. Apps that
-- were made without a list have kept what their owners had then, as a list, and go on so.
ALTER TABLE apps ADD COLUMN follows_owner BIGINT NOT NULL DEFAULT 0;
