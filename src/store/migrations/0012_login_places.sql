-- From where a user has lately logged in, as a keyed hash of the address: there it does not wait for
-- what others try in its name.
CREATE TABLE login_places (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE INDEX login_places_by_expiry ON login_places (expires_at);
