-- The name as the search compares it, in lower case. Databases differ in which letters they know a lower case
-- of; `migrations` writes those that are not ASCII.
ALTER TABLE apps ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
UPDATE apps SET folded_name = LOWER(name);
