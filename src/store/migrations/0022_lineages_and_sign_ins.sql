-- The digest of the first session that began with a login in one browser: those that were put in its place since
-- then have it as well. '' where an issuer before schema 22 has begun the session: then it is the digest.
ALTER TABLE sessions ADD COLUMN lineage TEXT NOT NULL DEFAULT '';
UPDATE sessions SET lineage = digest;

CREATE INDEX sessions_by_lineage ON sessions (lineage);

-- Who has logged in or tried to: one row for all of a day (since 1970) that differ in nothing but the time. address
-- is '' where there were many. There is no reference to users, so that writing many rows locks no users.
CREATE TABLE sign_ins (
    user_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    method TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    address TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, day, outcome, method, endpoint, address)
);

CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);
