-- The minute in which the app last got a token; 0 where that is not known.
ALTER TABLE apps ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
