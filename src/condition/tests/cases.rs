//! Conditions as people write them for other gates, on the names that ours have.

use super::outcome;

use Want::{Fails, Faults, Holds};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Holds,
    Fails,
    /// It cannot be evaluated, which refuses.
    Faults,
}

/// A condition with the changes of the scene and what becomes of it then.
type Case = (&'static str, &'static [(&'static [&'static str], Want)]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (
        "token.sub == path.user_id",
        &[
            (&[], Holds),
            (&[r#"/token/sub="bob""#], Fails),
            (&["/token/sub="], Faults),
        ],
    ),
    (
        r#"token.sub == path.user_id && "eu" in token.regions"#,
        &[
            (&[], Holds),
            (&[r#"/token/regions=["us"]"#], Fails),
            (&["/token/regions="], Faults),
            (&["/token/regions=", r#"/token/sub="bob""#], Fails),
            (&[r#"/token/regions="eu""#], Faults),
        ],
    ),
    (
        r#"request.path == "/users/alice/orders""#,
        &[
            (&[], Holds),
            (&[r#"/request/path="/""#], Fails),
        ],
    ),
    (
        r#"request.headers["x-region"] == "eu""#,
        &[
            (&[], Holds),
            (&[r#"/request/headers/x-region="us""#], Fails),
            (&["/request/headers/x-region="], Faults),
        ],
    ),
    (
        r#"token.sub == "alice" && request.method == "GET""#,
        &[
            (&[], Holds),
            (&[r#"/request/method="POST""#], Fails),
        ],
    ),
    (
        r#"token.org.plan == "enterprise""#,
        &[
            (&[], Holds),
            (&["/token/org="], Faults),
            (&[r#"/token/org/plan="free""#], Fails),
        ],
    ),
    (
        r#"request.method in ["POST", "PUT", "PATCH"]"#,
        &[
            (&[], Fails),
            (&[r#"/request/method="PUT""#], Holds),
        ],
    ),
    (
        r#"request.path.startsWith("/users/")"#,
        &[
            (&[], Holds),
            (&[r#"/request/path="/admin""#], Fails),
        ],
    ),
    (
        r#"has(token.act) && token.act.sub == "agent-7""#,
        &[
            (&[], Holds),
            (&["/token/act="], Fails),
        ],
    ),
    (
        r#""x-force-authorized" in request.headers && request.headers["x-force-authorized"] in ["enabled", "true"]"#,
        &[
            (&[], Fails),
            (&[r#"/request/headers/x-force-authorized="enabled""#], Holds),
        ],
    ),
    (
        r#"request.headers["user-agent"].startsWith("Mozilla/")"#,
        &[
            (&[], Holds),
            (&[r#"/request/headers/user-agent="curl/8""#], Fails),
        ],
    ),
    (
        r#""admin" in token.groups"#,
        &[
            (&[], Holds),
            (&["/token/groups=[]"], Fails),
            (&[r#"/token/groups="admin""#], Faults),
        ],
    ),
    (
        r#"!(token.sub in ["mallory", "eve"])"#,
        &[
            (&[], Holds),
            (&[r#"/token/sub="eve""#], Fails),
            (&["/token/sub="], Faults),
        ],
    ),
    (
        r#""orders-api" in token.aud"#,
        &[
            (&[], Holds),
            (&[r#"/token/aud=["x"]"#], Fails),
        ],
    ),
    (
        r#"token.iss + "/" + token.sub == "https://id.shop.example/alice""#,
        &[
            (&[], Holds),
            (&[r#"/token/sub="bob""#], Fails),
        ],
    ),
    (
        r#"token.email.endsWith("@shop.example")"#,
        &[
            (&[], Holds),
            (&[r#"/token/email="a@evil.example""#], Fails),
            (&["/token/email=5"], Faults),
        ],
    ),
    (
        r#"token.client_id == "web-shop" || token.client_id == "mobile""#,
        &[
            (&[], Holds),
            (&[r#"/token/client_id="x""#], Fails),
        ],
    ),
    (
        r#"request.source.principal == "spiffe://mesh.example/ns/shop/sa/web""#,
        &[
            (&[], Holds),
            (&[r#"/request/source/principal="""#], Fails),
        ],
    ),
    (
        r#"has(token.groups) && token.groups.exists(g, g == "admin")"#,
        &[
            (&[], Holds),
            (&["/token/groups="], Fails),
            (&[r#"/token/groups=["dev"]"#], Fails),
        ],
    ),
    (
        "path.tenant == token.tenant",
        &[
            (&[], Holds),
            (&[r#"/path/tenant="evil""#], Fails),
        ],
    ),
    (
        r#"token.roles.all(r, r in ["editor", "reader"])"#,
        &[
            (&[], Holds),
            (&[r#"/token/roles=["root"]"#], Fails),
            (&["/token/roles=[]"], Holds),
        ],
    ),
    (
        r#""editor" in token.realm_access.roles"#,
        &[
            (&[], Holds),
            (&["/token/realm_access={}"], Faults),
        ],
    ),
    (
        r#"has(token.resource_access.orders) && "manager" in token.resource_access.orders.roles"#,
        &[
            (&[], Holds),
            (&["/token/resource_access={}"], Fails),
        ],
    ),
    (
        r#"request.path.matches("^/(health|metrics)$") || token.email_verified"#,
        &[
            (&[], Holds),
            (&["/token/email_verified=false"], Fails),
            (&["/token/email_verified=false", r#"/request/path="/health""#], Holds),
            (&[r#"/token/email_verified="yes""#], Faults),
        ],
    ),
    (
        r#"request.headers["x-region"] in token.regions"#,
        &[
            (&[], Holds),
            (&[r#"/request/headers/x-region="cn""#], Fails),
        ],
    ),
    (
        r#"request.method == "GET" || "admin" in token.groups"#,
        &[
            (&[], Holds),
            (&[r#"/request/method="DELETE""#, r#"/token/groups=["dev"]"#], Fails),
            (&["/token/groups="], Holds),
        ],
    ),
    (
        r#""mfa" in token.amr"#,
        &[
            (&[], Holds),
            (&[r#"/token/amr=["pwd"]"#], Fails),
        ],
    ),
    (
        "now.getHours() >= 9 && now.getHours() < 17",
        &[
            (&[], Fails),
            (&["/now=1795428000"], Holds),
        ],
    ),
    (
        "now.getDayOfWeek() >= 1 && now.getDayOfWeek() <= 5",
        &[
            (&[], Holds),
            (&["/now=1795305600"], Fails),
        ],
    ),
    (
        r#"now < timestamp("2027-01-01T00:00:00Z")"#,
        &[
            (&[], Holds),
            (&["/now=1830000000"], Fails),
        ],
    ),
    (
        r#"request.path.startsWith("/users/" + token.sub + "/")"#,
        &[
            (&[], Holds),
            (&[r#"/token/sub="bob""#], Fails),
        ],
    ),
    (
        r#"now - timestamp(token.auth_time) < duration("15m")"#,
        &[
            (&[], Holds),
            (&["/token/auth_time=1795470000"], Fails),
            (&[r#"/token/auth_time="x""#], Faults),
        ],
    ),
    (
        "int(token.acr) >= 2",
        &[
            (&[], Holds),
            (&[r#"/token/acr="1""#], Fails),
            (&[r#"/token/acr="gold""#], Faults),
        ],
    ),
    (
        "token.level >= 3",
        &[
            (&[], Holds),
            (&["/token/level=2"], Fails),
            (&[r#"/token/level="3""#], Faults),
            (&["/token/level=2.5"], Fails),
        ],
    ),
    (
        r#""orders.write" in token.scope.split(" ")"#,
        &[
            (&[], Holds),
            (&[r#"/token/scope="orders.writer""#], Fails),
        ],
    ),
    (
        r#""buyer" in token["https://shop.example/roles"]"#,
        &[
            (&[], Holds),
            (&["/token/https:~1~1shop.example~1roles=[]"], Fails),
        ],
    ),
    (
        "!has(request.query.limit) || int(request.query.limit) <= 100",
        &[
            (&[], Holds),
            (&[r#"/request/query="limit=1000""#], Fails),
            (&[r#"/request/query="""#], Holds),
            (&[r#"/request/query="limit=x""#], Faults),
        ],
    ),
    (
        r#"request.headers["x-region"] in ["eu", "us"] && request.headers["content-type"] == "application/json""#,
        &[
            (&[], Holds),
            (&[r#"/request/headers/x-region="cn""#], Fails),
        ],
    ),
    (
        r#"token.email.lowerAscii() == "alice@shop.example""#,
        &[
            (&[], Holds),
            (&[r#"/token/email="Alice@Shop.example""#], Holds),
        ],
    ),
    (
        r#"token.groups.exists(g, g in ["admin", "sre"]) && token.groups.size() <= 50"#,
        &[
            (&[], Holds),
            (&[r#"/token/groups=["dev"]"#], Fails),
        ],
    ),
    (
        r#"request.method == "GET" ? "reader" in token.realm_access.roles : "editor" in token.realm_access.roles"#,
        &[
            (&[], Holds),
            (&[r#"/request/method="PUT""#, r#"/token/realm_access={"roles": ["reader"]}"#], Fails),
        ],
    ),
    (
        r#"issuer == "https://id.shop.example" && token.tenant == path.tenant"#,
        &[
            (&[], Holds),
            (&[r#"/issuer="https://other.example""#], Fails),
        ],
    ),
    (
        r#"request.host == token.tenant + ".shop.example""#,
        &[
            (&[], Fails),
            (&[r#"/request/host="acme.shop.example""#], Holds),
        ],
    ),
    (
        "request.size < 1024 * 1024",
        &[
            (&[], Holds),
            (&["/request/size=2000000"], Fails),
        ],
    ),
    (
        "token.tenant != null && token.tenant == path.tenant",
        &[
            (&[], Holds),
            (&["/token/tenant=null"], Fails),
        ],
    ),
];

#[test]
fn conditions_mean_what_they_mean_elsewhere() {
    for (text, cases) in CASES {
        for (changes, want) in *cases {
            let got = match outcome(text, changes) {
                Ok(true) => Holds,
                Ok(false) => Fails,
                Err(_) => Faults,
            };
            assert_eq!(got, *want, "{text} {changes:?}");
        }
    }
}
