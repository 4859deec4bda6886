-- Until when a token may be accepted that the portal has made within the session, to try out a call; 0 where it has
-- made none. A session that ends before ends that token as well.
ALTER TABLE sessions ADD COLUMN tried_until BIGINT NOT NULL DEFAULT 0;
