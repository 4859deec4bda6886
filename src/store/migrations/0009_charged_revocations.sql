-- Who has caused the row, and through which app; both empty where nobody is charged with it. What one user or
-- one app causes is bounded.
ALTER TABLE revocations ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE revocations ADD COLUMN app_key TEXT NOT NULL DEFAULT '';

CREATE INDEX revocations_by_user ON revocations (user_id) WHERE user_id <> '';
CREATE INDEX revocations_by_app ON revocations (app_key) WHERE app_key <> '';
