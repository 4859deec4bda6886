-- The administrator who has set the password that a user has, and when; '' where the user itself has set it, or
-- somebody at the machine, or it was set before this version. It refers to nobody: who is deleted still knows it.
ALTER TABLE users ADD COLUMN password_set_by TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN password_set_at BIGINT NOT NULL DEFAULT 0;
