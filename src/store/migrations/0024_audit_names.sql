-- What the actor and the object were called when it was done, which outlives both. actor_name is the operating
-- system's user where actor is ''. folded_title is object_title in lower case, as this program folds it.
ALTER TABLE audit ADD COLUMN actor_name TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN object_title TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN folded_title TEXT NOT NULL DEFAULT '';

UPDATE audit SET actor_name = COALESCE((SELECT username FROM users WHERE users.id = audit.actor), '');
UPDATE audit SET object_title = COALESCE((SELECT username FROM users WHERE users.id = audit.object_name), ''),
    folded_title = COALESCE((SELECT folded_username FROM users WHERE users.id = audit.object_name), '')
    WHERE object_kind IN ('user', 'owner');
UPDATE audit SET object_title = COALESCE((SELECT name FROM apps WHERE apps.app_key = audit.object_name), ''),
    folded_title = COALESCE((SELECT folded_name FROM apps WHERE apps.app_key = audit.object_name), '')
    WHERE object_kind = 'app';
