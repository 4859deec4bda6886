-- position, here and below, is that of the revocation log when the row was made.
-- redirect_uri is '' where the app sent none. The refresh tokens of a code have its family; used_at is 0
-- until it is redeemed. A used code is kept for a while: who brings it again has stolen it.
CREATE TABLE authorization_codes (
    digest TEXT NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_key TEXT NOT NULL REFERENCES apps (app_key) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    position BIGINT NOT NULL
);

CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_app ON authorization_codes (app_key);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

-- Browsers in which somebody has logged in.
CREATE TABLE sessions (
    digest TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    position BIGINT NOT NULL
);

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
