-- The revocation log: append only, in the order in which it became visible. Whoever appends holds the
-- row of revocation_head until its transaction ends, so no position appears before a smaller one.

CREATE TABLE revocation_head (
    id BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

INSERT INTO revocation_head (id, position) VALUES (1, 0);

-- A row lives until the last token has ended that it can refuse.
CREATE TABLE revocations (
    position BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revocations_by_subject ON revocations (subject);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- Everything that was given out at an earlier position than this one has ended.
ALTER TABLE users ADD COLUMN revoked_through BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN revoked_through BIGINT NOT NULL DEFAULT 0;

-- The log's position when the token was given out.
ALTER TABLE refresh_tokens ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
