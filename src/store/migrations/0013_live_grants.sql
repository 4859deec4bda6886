-- The one token of each grant by which it can be extended: the oldest grants of a user with an app are found
-- by one index. The other finds one page of a user's grants, and whatever else is a user's.
CREATE INDEX refresh_tokens_live_by_app ON refresh_tokens (user_id, app_key, created_at) WHERE used_at = 0;
DROP INDEX refresh_tokens_by_user;
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_id, family);
