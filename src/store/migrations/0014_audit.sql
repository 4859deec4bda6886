-- What was done in the directory. actor is the id of a user, or '' where somebody who holds the store did it.
CREATE TABLE audit (
    position BIGINT NOT NULL PRIMARY KEY,
    done_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_name TEXT NOT NULL,
    change TEXT NOT NULL
);

CREATE INDEX audit_by_actor ON audit (actor, position);
CREATE INDEX audit_by_expiry ON audit (expires_at);
