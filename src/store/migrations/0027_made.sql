-- A number that no other role or scope has ever had, so that one made anew under an old name is told from the one
-- before it. 0 where it was made before this schema.
ALTER TABLE roles ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scopes ADD COLUMN made BIGINT NOT NULL DEFAULT 0;

CREATE TABLE made_so_far (
    id BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

INSERT INTO made_so_far (id, number) VALUES (1, 0);
