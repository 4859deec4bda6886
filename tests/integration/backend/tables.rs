//! What administrators ask for, and what becomes of it.

/// What becomes of a token that alice's app has, and whether the app gets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Stays,
    /// The next one holds.
    Ends,
    /// There is no next one.
    Refused,
    /// It had ended, and is not raised; the next one holds.
    Dead,
}

/// What administrators do, and what becomes of a token of alice's app.
pub(super) const TAKEN: &[(&str, Token)] = &[
    (
        r#"PUT /backend/user/alice {"status": "disabled"}"#,
        Token::Refused,
    ),
    (
        r#"PUT /backend/user/alice {"status": "active"}"#,
        Token::Dead,
    ),
    (
        r#"PUT /backend/user/alice {"roles": ["sales"]}"#,
        Token::Ends,
    ),
    (
        r#"PUT /backend/user/alice {"roles": ["sales", "consumer"]}"#,
        Token::Stays,
    ),
    (
        r#"PUT /backend/user/alice {"email": "a@b.example"}"#,
        Token::Stays,
    ),
    (
        r#"PUT /backend/user/alice {"username": "alicia"}"#,
        Token::Ends,
    ),
    (
        r#"PUT /backend/user/ALICIA {"username": "alice"}"#,
        Token::Ends,
    ),
    (
        r#"POST /backend/user/alice/set_password {"password": "PASSWORD"}"#,
        Token::Ends,
    ),
    // She has orders.read by the other role as well, and the next token says so.
    (
        r#"PUT /backend/role/sales {"scopes": ["orders.write"]}"#,
        Token::Ends,
    ),
    (r#"PUT /backend/role/sales {"scopes": []}"#, Token::Ends),
    (
        r#"PUT /backend/role/sales {"scopes": ["orders.write"]}"#,
        Token::Stays,
    ),
    (
        r#"PUT /backend/role/sales {"name": "selling"}"#,
        Token::Ends,
    ),
    (
        r#"PUT /backend/role/consumer {"name": "customer"}"#,
        Token::Ends,
    ),
    ("PUT /backend/role/customer/default", Token::Stays),
    (
        r#"PUT /backend/scope/orders.write {"description": "Order"}"#,
        Token::Stays,
    ),
    (
        r#"PUT /backend/scope/orders.write {"name": "orders.place"}"#,
        Token::Ends,
    ),
    ("DELETE /backend/scope/orders.place?force=true", Token::Ends),
    // Without scopes by now, but a route may ask for the role.
    ("DELETE /backend/role/selling?force=true", Token::Ends),
    (r#"PUT /backend/app/APP {"name": "new-shop"}"#, Token::Stays),
    (
        r#"PUT /backend/app/APP {"status": "disabled"}"#,
        Token::Refused,
    ),
    (r#"PUT /backend/app/APP {"status": "active"}"#, Token::Dead),
    (r#"POST /backend/revoke {"user": "alice"}"#, Token::Ends),
    (r#"POST /backend/revoke {"app": "APP"}"#, Token::Ends),
    (r#"POST /backend/revoke {"token": "other"}"#, Token::Stays),
];

pub(super) const OWN: &str = "belongs to the issuer";

pub(super) const RESERVED: &str = "are reserved for the issuer";

/// What is refused, with which status and words.
pub(super) const REFUSED: &[(&str, u16, &str)] = &[
    (
        r#"POST /backend/role {"name": "sales", "scopes": []}"#,
        409,
        "taken",
    ),
    (
        r#"POST /backend/role {"name": "x", "scopes": ["y"]}"#,
        400,
        "no scope `y`",
    ),
    (
        r#"POST /backend/role {"name": "a b", "scopes": []}"#,
        400,
        "printable",
    ),
    (
        r#"PUT /backend/role/sales {"name": "consumer"}"#,
        409,
        "taken",
    ),
    (
        r#"PUT /backend/role/sales {"colour": "red"}"#,
        400,
        "unknown field",
    ),
    (r#"PUT /backend/role/administrator {"name": "x"}"#, 409, OWN),
    ("DELETE /backend/role/administrator", 409, OWN),
    ("DELETE /backend/role/consumer", 409, "another default role"),
    ("DELETE /backend/role/nobody", 404, "no such role"),
    ("PUT /backend/role/administrator/default", 409, "everybody"),
    (
        r#"PUT /backend/role/consumer {"scopes": ["backend.user"]}"#,
        409,
        "everybody",
    ),
    (
        r#"POST /backend/scope {"name": "backend.x", "description": ""}"#,
        400,
        RESERVED,
    ),
    (
        r#"POST /backend/scope {"name": "orders.read", "description": ""}"#,
        409,
        "taken by another scope",
    ),
    (
        r#"POST /backend/scope {"name": "x", "description": "\n"}"#,
        400,
        "one line",
    ),
    (
        r#"PUT /backend/scope/orders.read {"name": "orders.write"}"#,
        409,
        "taken",
    ),
    (
        r#"PUT /backend/scope/orders.read {"name": "consumer.x"}"#,
        400,
        RESERVED,
    ),
    (r#"PUT /backend/scope/backend.user {"name": "x"}"#, 409, OWN),
    ("DELETE /backend/scope/consumer.app", 409, OWN),
    (
        "DELETE /backend/scope/orders.write",
        409,
        "to take it from all that have it: role `sales`",
    ),
    (
        "DELETE /backend/scope/orders.write?force=maybe",
        400,
        "`force`",
    ),
    (
        "DELETE /backend/scope/orders.write?forced=true",
        400,
        "unknown parameter",
    ),
    (
        r#"PUT /backend/role/sales {"scopes": ["orders.read"], "add_scopes": ["orders.write"]}"#,
        400,
        "add_scopes",
    ),
    (
        r#"PUT /backend/user/alice {"roles": [], "add_roles": ["sales"]}"#,
        400,
        "add_roles",
    ),
    (
        r#"PUT /backend/user/alice {"add_roles": ["nobody"]}"#,
        400,
        "no role `nobody`",
    ),
    (
        r#"PUT /backend/app/APP {"scopes": [], "remove_scopes": ["orders.read"]}"#,
        400,
        "remove_scopes",
    ),
    (
        r#"PUT /backend/role/sales {"add_scopes": ["nothing"]}"#,
        400,
        "no scope `nothing`",
    ),
    (
        r#"PUT /backend/user/alice {"remove_roles": ["sailes"]}"#,
        400,
        "no role `sailes`",
    ),
    (
        r#"PUT /backend/user/alice {"remove_roles": ["sales", "administrator"]}"#,
        400,
        "`Alice` does not have the role `administrator`",
    ),
    (
        r#"PUT /backend/role/sales {"remove_scopes": ["orders.raed"]}"#,
        400,
        "no scope `orders.raed`",
    ),
    (
        r#"PUT /backend/role/sales {"remove_scopes": ["backend.user"]}"#,
        400,
        "`sales` does not have the scope `backend.user`",
    ),
    (
        r#"PUT /backend/app/APP {"remove_scopes": ["orders.raed"]}"#,
        400,
        "no scope `orders.raed`",
    ),
    (
        r#"PUT /backend/app/APP {"remove_scopes": ["consumer.app"]}"#,
        400,
        "does not have the scope `consumer.app`",
    ),
    (
        r#"PUT /backend/role/consumer {"add_scopes": ["backend.user"]}"#,
        409,
        "everybody",
    ),
    (
        r#"PUT /backend/app/APP {"scopes": [], "follows_owner": true}"#,
        400,
        "either",
    ),
    ("DELETE /backend/scope/nothing", 404, "no such scope"),
    // Scopes may have `#` and `?` in their names.
    ("DELETE /backend/scope/no%23thing", 404, "no such scope"),
    ("DELETE /backend/scope/no%3Fthing", 404, "no such scope"),
    (
        r#"PUT /backend/user/alice {"username": "admin"}"#,
        409,
        "taken",
    ),
    (
        r#"PUT /backend/user/alice {"email": "admin@localhost"}"#,
        409,
        "taken",
    ),
    (
        r#"PUT /backend/user/alice {"status": "asleep"}"#,
        400,
        "not a status",
    ),
    (
        r#"PUT /backend/user/alice {"roles": ["nobody"]}"#,
        400,
        "no role `nobody`",
    ),
    ("PUT /backend/user/nobody", 404, "no such user"),
    ("PUT /backend/app/nothing", 404, "no such app"),
    (
        "POST /backend/app/nothing/rotate_secret",
        404,
        "no such app",
    ),
    ("POST /backend/revoke", 400, "exactly one"),
    (
        r#"POST /backend/revoke {"everyone": false}"#,
        400,
        "exactly one",
    ),
    (
        r#"POST /backend/revoke {"user": "a", "app": "b"}"#,
        400,
        "exactly one",
    ),
    (
        r#"POST /backend/revoke {"user": "nobody"}"#,
        404,
        "no such user",
    ),
];

/// What a lesser administrator may and may not.
pub(super) const LESSER: &[(&str, u16)] = &[
    // To itself: by a role, in a role.
    (
        r#"PUT /backend/user/sam {"roles": ["support", "administrator"]}"#,
        403,
    ),
    (
        r#"PUT /backend/user/sam {"roles": ["support", "sales"]}"#,
        403,
    ),
    (
        r#"PUT /backend/role/support {"scopes": ["backend.user", "backend.role", "backend.app", "consumer.app", "orders.read"]}"#,
        403,
    ),
    (
        r#"PUT /backend/role/support {"scopes": ["backend.scope"]}"#,
        403,
    ),
    // To others.
    (
        r#"PUT /backend/user/alice {"roles": ["administrator"]}"#,
        403,
    ),
    (
        r#"POST /backend/role {"name": "x", "scopes": ["backend.token"]}"#,
        403,
    ),
    (
        r#"POST /backend/user {"username": "eve", "email": "eve@shop.example", "password": "PASSWORD", "roles": ["administrator"]}"#,
        403,
    ),
    // By somebody who has more.
    (
        r#"POST /backend/user/admin/set_password {"password": "PASSWORD"}"#,
        403,
    ),
    (
        r#"PUT /backend/user/admin {"email": "sam2@shop.example"}"#,
        403,
    ),
    (r#"PUT /backend/user/admin {"status": "disabled"}"#, 403),
    ("DELETE /backend/user/admin", 403),
    (
        r#"PUT /backend/role/administrator {"scopes": ["consumer.app"]}"#,
        403,
    ),
    (
        r#"PUT /backend/app/ROBOT {"redirect_uris": ["https://evil.example"]}"#,
        403,
    ),
    ("POST /backend/app/ROBOT/rotate_secret", 403),
    ("DELETE /backend/app/ROBOT", 403),
    // An app never exceeds its owner, whoever changes it.
    (r#"PUT /backend/app/APP {"scopes": ["backend.user"]}"#, 400),
    // Not its endpoints.
    (r#"POST /backend/revoke {"everyone": true}"#, 403),
    (
        r#"POST /backend/scope {"name": "x", "description": ""}"#,
        403,
    ),
    // What it is there for.
    (
        r#"PUT /backend/user/alice {"roles": ["consumer", "sales", "support"]}"#,
        200,
    ),
    (
        r#"POST /backend/user/alice/set_password {"password": "PASSWORD"}"#,
        204,
    ),
    (
        r#"PUT /backend/role/sales {"scopes": ["orders.write", "orders.read"]}"#,
        200,
    ),
    (r#"PUT /backend/user/sam {"roles": ["support"]}"#, 200),
];

/// Makes a lesser administrator.
pub(super) const SUPPORT: [&str; 2] = [
    r#"POST /backend/role {"name": "support",
        "scopes": ["backend.user", "backend.role", "backend.app", "consumer.app"]}"#,
    r#"POST /backend/user {"username": "sam", "email": "sam@shop.example",
        "password": "PASSWORD", "roles": ["support"]}"#,
];

/// What an app may that was granted `backend.user`, `backend.scope` and `consumer.app`.
pub(super) const OF_ROBOT: &[(&str, u16)] = &[
    (
        r#"PUT /backend/user/admin {"roles": ["administrator", "sales"]}"#,
        403,
    ),
    (
        r#"POST /backend/user/admin/set_password {"password": "PASSWORD"}"#,
        403,
    ),
    (
        r#"POST /consumer/app {"name": "child", "scopes": ["backend.role"]}"#,
        400,
    ),
    (
        r#"PUT /backend/scope/orders.read {"name": "orders.everything"}"#,
        403,
    ),
    (
        r#"PUT /backend/scope/orders.write {"name": "orders.place"}"#,
        200,
    ),
    ("GET /backend/user/admin", 200),
    (r#"PUT /backend/user/alice {"status": "disabled"}"#, 200),
];
