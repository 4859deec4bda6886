-- What an app is, in its owner's words, and where more is said of it; empty where nothing is.
ALTER TABLE apps ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN link TEXT NOT NULL DEFAULT '';
-- The last characters of the secret, by which people tell which one it is; empty where they were not kept.
ALTER TABLE app_secrets ADD COLUMN ends_with TEXT NOT NULL DEFAULT '';
-- When the latest secret was made; 0 where there is none.
ALTER TABLE apps ADD COLUMN secret_since BIGINT NOT NULL DEFAULT 0;
UPDATE apps SET secret_since = COALESCE((SELECT MAX(x.created_at) FROM app_secrets x
    WHERE x.app_key = apps.app_key AND x.expires_at = 9223372036854775807), 0);
-- A page of the apps that are to be looked after is found in the index alone, and so is how many there are.
CREATE INDEX apps_by_age ON apps (app_key, last_used_at, created_at, secret_since, status);
CREATE INDEX apps_active_by_use ON apps (last_used_at, created_at) WHERE status = 'active';
CREATE INDEX apps_active_by_secret ON apps (secret_since) WHERE status = 'active' AND secret_since > 0;
