-- Ids and keys are base64url. backup: 0 never, 1 possible, 2 done. last_used_at is 0 until it is used.
CREATE TABLE passkeys (
    credential_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    sign_count BIGINT NOT NULL,
    backup BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);

CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Those that have not been used.
CREATE TABLE recovery_codes (
    digest TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- Challenges that a passkey has answered, until they would be too old anyway.
CREATE TABLE used_challenges (
    digest TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at);

-- Links for a forgotten password: one of a user at a time.
CREATE TABLE reset_links (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX reset_links_by_digest ON reset_links (digest);
CREATE INDEX reset_links_by_expiry ON reset_links (expires_at);

-- 0: by the password alone; 1: with a second factor.
ALTER TABLE sessions ADD COLUMN assurance BIGINT NOT NULL DEFAULT 0;
