-- Names, ids and sets are TEXT, instants are BIGINT seconds since 1970: the same text on both engines.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE scopes (
    name TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL
);

CREATE TABLE roles (
    name TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE role_scopes (
    role TEXT NOT NULL REFERENCES roles (name) ON UPDATE CASCADE ON DELETE CASCADE,
    scope TEXT NOT NULL REFERENCES scopes (name) ON UPDATE CASCADE ON DELETE CASCADE,
    PRIMARY KEY (role, scope)
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    folded_username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    folded_email TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL REFERENCES roles (name) ON UPDATE CASCADE ON DELETE CASCADE,
    PRIMARY KEY (user_id, role)
);

CREATE TABLE apps (
    app_key TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE app_scopes (
    app_key TEXT NOT NULL REFERENCES apps (app_key) ON DELETE CASCADE,
    scope TEXT NOT NULL REFERENCES scopes (name) ON UPDATE CASCADE ON DELETE CASCADE,
    PRIMARY KEY (app_key, scope)
);

-- Several secrets live while one takes over from another.
CREATE TABLE app_secrets (
    app_key TEXT NOT NULL REFERENCES apps (app_key) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (app_key, digest)
);

CREATE TABLE signing_keys (
    position BIGINT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- All tokens of one grant are a family. used_at is 0, and successor is '', until the token is used;
-- app_key is '' where the user logged in without an app.
CREATE TABLE refresh_tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_key TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    successor TEXT NOT NULL
);

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
