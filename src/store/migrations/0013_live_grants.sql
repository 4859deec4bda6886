-- The one token of each grant by which it can be extended. One index finds the oldest grants of a user with
-- an app, the other one page of the user's grants.
CREATE INDEX refresh_tokens_live_by_app ON refresh_tokens (user_id, app_key, created_at) WHERE used_at = 0;
CREATE INDEX refresh_tokens_live_by_family ON refresh_tokens (user_id, family) WHERE used_at = 0;
