-- How many grants end with an app is told before it does.
CREATE INDEX refresh_tokens_live_by_app_alone ON refresh_tokens (app_key) WHERE used_at = 0;
