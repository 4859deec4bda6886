-- Whoever changes users, roles, scopes or apps holds this row until its transaction ends: what it has
-- read stays true meanwhile.
INSERT INTO settings (name, value) VALUES ('directory_lock', '');

CREATE INDEX user_roles_by_role ON user_roles (role);
CREATE INDEX role_scopes_by_scope ON role_scopes (scope);
CREATE INDEX app_scopes_by_scope ON app_scopes (scope);
