//! What the issuer itself needs in its directory, and nobody renames or deletes.

pub(crate) const ADMINISTRATOR_ROLE: &str = "administrator";

/// What the issuer's own endpoints ask for; `policy.yaml` has the same.
pub(super) const OWN_SCOPES: [(&str, &str); 8] = [
    ("backend.app", "See and change everybody's apps"),
    (
        "backend.introspect",
        "Check whether anybody's tokens are valid",
    ),
    ("backend.role", "See and change roles"),
    ("backend.scope", "See and change scopes"),
    ("backend.token", "Revoke anybody's tokens"),
    ("backend.user", "See and change users"),
    ("consumer.account", "See and change your own account"),
    ("consumer.app", "See and change your own apps"),
];
