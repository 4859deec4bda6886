-- Where the browser was sent with the code, also where the app did not ask for an address, and for
-- whom the tokens are (RFC 8707), separated by spaces; empty for all. A code from before lives for a
-- minute: without an address it cannot be redeemed.
ALTER TABLE authorization_codes ADD COLUMN sent_to TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_codes ADD COLUMN audiences TEXT NOT NULL DEFAULT '';
