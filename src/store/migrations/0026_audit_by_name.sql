-- Who did something, and to what, is found by name among a million entries.
CREATE INDEX audit_by_actor_name ON audit (LOWER(actor_name), position);
CREATE INDEX audit_by_object ON audit (LOWER(object_name), position);
CREATE INDEX audit_by_title ON audit (folded_title, position);
CREATE INDEX apps_by_name ON apps (folded_name);
