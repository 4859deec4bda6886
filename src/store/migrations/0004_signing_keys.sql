-- The key of an earlier schema has been signing all along, and for as long as a token may live. A
-- key_id of '' is the thumbprint.
ALTER TABLE signing_keys ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE signing_keys ADD COLUMN active_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN token_seconds BIGINT NOT NULL DEFAULT 86400;

-- What has ended is swept away.
CREATE INDEX app_secrets_by_expiry ON app_secrets (expires_at);
