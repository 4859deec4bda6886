-- For whom the grant's access tokens are (RFC 8707), separated by spaces; empty for all.
ALTER TABLE refresh_tokens ADD COLUMN audiences TEXT NOT NULL DEFAULT '';
