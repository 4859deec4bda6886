-- What an empty store needs is made once, in one transaction, and never again, whatever becomes of
-- it. Whoever has users has had a first start.
INSERT INTO settings (name, value)
SELECT 'first_start', 'done' WHERE EXISTS (SELECT 1 FROM users);
