-- own is 1 where somebody did something to what is its own: of that the latest alone is kept.
ALTER TABLE audit ADD COLUMN own BIGINT NOT NULL DEFAULT 0;

DROP INDEX audit_by_actor;
CREATE INDEX audit_by_actor ON audit (actor, own, position);
