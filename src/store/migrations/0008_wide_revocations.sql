-- What was given out to anybody at an earlier position than this one has ended.
ALTER TABLE revocation_head ADD COLUMN everyone_through BIGINT NOT NULL DEFAULT 0;

-- What ended with everybody's is swept away.
CREATE INDEX refresh_tokens_by_position ON refresh_tokens (position);
