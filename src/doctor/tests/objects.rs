//! Objects of control planes.

use super::*;

const MESH: &str = "kind: IstioOperator\nmetadata: {name: mesh}\nspec: {meshConfig: {pathNormalization: {normalization: MERGE_SLASHES}, \
    extensionProviders: [{name: gate, envoyExtAuthzGrpc: {timeout: 250ms, statusOnError: '503'}}]}}\n";
const CUSTOM: &str = "kind: AuthorizationPolicy\nmetadata: {name: gate, namespace: shop}\nspec: {action: CUSTOM, provider: {name: gate}, rules: [{}]}\n";
const SECURITY: &str = "kind: SecurityPolicy\nmetadata: {name: gate}\nspec:\n  targetRefs: [{kind: Gateway, name: web}]\n  \
    extAuth: {grpc: {}, timeout: 250ms, statusOnError: 503}\n";
const CLIENTS: &str = "kind: ClientTrafficPolicy\nmetadata: {name: web}\nspec: {path: {escapedSlashesAction: RejectRequest}, \
    headers: {earlyRequestHeaders: {removeOnMatch: []}}}\n";

#[test]
fn objects_without_trouble_have_none() {
    let all = [MESH, CUSTOM, SECURITY, CLIENTS].join("---\n");
    assert_eq!(found(&all), [""; 0]);
}

/// Rows: an object, what is replaced by what in it, and what is found then.
const SPOILT: [(&str, &str, &str, &str); 20] = [
    (
        CUSTOM,
        ", rules: [{}]",
        "",
        "rules_never_match: AuthorizationPolicy shop/gate (there are no rules)",
    ),
    (
        CUSTOM,
        "[{}]",
        "[{from: [{source: {requestPrincipals: ['*']}}]}]",
        "rules_never_match: AuthorizationPolicy shop/gate (they ask for what Istio reads from the token, which it does later)",
    ),
    (
        CUSTOM,
        "[{}]",
        "[{when: [{key: 'request.auth.claims[iss]'}]}]",
        "rules_never_match: AuthorizationPolicy shop/gate (they ask for what Istio reads from the token, which it does later)",
    ),
    (
        CUSTOM,
        "[{}]",
        "[{to: [{operation: {notPaths: [/healthz]}}]}]",
        "rules_leave_out: AuthorizationPolicy shop/gate",
    ),
    (
        CUSTOM,
        "namespace: shop",
        "namespace: shop, annotations: {istio.io/dry-run: 'true'}",
        "dry_run_refuses: AuthorizationPolicy shop/gate",
    ),
    (
        MESH,
        "statusOnError: '503'",
        "statusOnError: '503', failOpen: true",
        "fail_open: IstioOperator mesh, provider gate",
    ),
    (
        MESH,
        "timeout: 250ms, ",
        "",
        "timeout_missing: IstioOperator mesh, provider gate",
    ),
    (
        MESH,
        "timeout: 250ms",
        "timeout: 1m",
        "timeout_long: IstioOperator mesh, provider gate (60 s)",
    ),
    (
        MESH,
        ", statusOnError: '503'",
        "",
        "error_looks_like_refusal: IstioOperator mesh, provider gate",
    ),
    (
        MESH,
        "envoyExtAuthzGrpc",
        "envoyExtAuthzHttp",
        "asked_over_http: IstioOperator mesh, provider gate",
    ),
    (
        MESH,
        "MERGE_SLASHES",
        "DECODE_AND_MERGE_SLASHES",
        "slashes_unescaped: IstioOperator mesh",
    ),
    (
        MESH,
        "MERGE_SLASHES",
        "NONE",
        "path_not_normalized: IstioOperator mesh",
    ),
    (
        SECURITY,
        "grpc: {}",
        "grpc: {}, failOpen: true",
        "fail_open: SecurityPolicy gate",
    ),
    (
        SECURITY,
        "grpc: {}",
        "grpc: {}, headersToExtAuth: [authorization]",
        "headers_hidden: SecurityPolicy gate (headersToExtAuth)",
    ),
    (
        SECURITY,
        "grpc: {}",
        "grpc: {}, recomputeRoute: true",
        "route_cache_cleared: SecurityPolicy gate",
    ),
    (
        SECURITY,
        "grpc: {}",
        "http: {}",
        "asked_over_http: SecurityPolicy gate",
    ),
    (
        SECURITY,
        "timeout: 250ms, ",
        "",
        "timeout_missing: SecurityPolicy gate",
    ),
    (
        SECURITY,
        "  extAuth:",
        "  jwt: {providers: []}\n  extAuth:",
        "changes_after_gate: SecurityPolicy gate (jwt)",
    ),
    (
        CLIENTS,
        "RejectRequest",
        "UnescapeAndForward",
        "slashes_unescaped: ClientTrafficPolicy web",
    ),
    (
        CLIENTS,
        ", headers: {earlyRequestHeaders: {removeOnMatch: []}}",
        "",
        "identity_not_removed_early: ClientTrafficPolicy web",
    ),
];

/// Rows: an object, and what is found.
const OBJECTS: [(&str, &str); 13] = [
    (
        "kind: RequestAuthentication\nmetadata: {name: a}\nspec: {jwtRules: [{outputClaimToHeaders: [{header: x-auth-subject, claim: jti}]}]}\n---\n\
        kind: AuthorizationPolicy\nmetadata: {name: gate}\nspec: {action: CUSTOM, rules: [{}]}\n",
        "identity_overwritten: RequestAuthentication a (x-auth-subject)",
    ),
    (
        "kind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x-auth-client]}}]}]}\n",
        "identity_overwritten: HTTPRoute r, rule 0 (x-auth-client)",
    ),
    (
        "kind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [{matches: [{headers: [{name: x-auth-scopes, value: a}]}]}]}\n",
        "route_by_identity: HTTPRoute r, rule 0 (x-auth-scopes)",
    ),
    (
        "kind: HTTPRoute\nmetadata: {name: r}\nspec: {rules: [{filters: [{type: URLRewrite}]}]}\n",
        "path_rewritten: HTTPRoute r, rule 0",
    ),
    (
        "kind: AgentgatewayPolicy\nmetadata: {name: p}\nspec: {traffic: {extAuth: {grpc: {}, cache: {}}}}\n",
        "answer_cached: AgentgatewayPolicy p",
    ),
    (
        "kind: EnvoyFilter\nmetadata: {name: f}\nspec: {configPatches: [{patch: {value: {typed_config: {\"@type\": x/ExtAuthz, failure_mode_allow: true}}}}]}\n",
        "fail_open: EnvoyFilter f",
    ),
    (
        "kind: AgentgatewayPolicy\nmetadata: {name: p}\nspec: {traffic: {extAuth: {grpc: {}, failureMode: FailOpen}}}\n",
        "fail_open: AgentgatewayPolicy p",
    ),
    (
        "kind: HTTPProxy\nmetadata: {name: p}\nspec: {virtualhost: {authorization: {responseTimeout: 250ms}}, routes: [{authPolicy: {disabled: true}}]}\n",
        "route_without_gate: HTTPProxy p, route 0",
    ),
    (
        "kind: AuthService\nmetadata: {name: a}\nspec: {proto: grpc, timeout_ms: 250, status_on_error: {code: 503}}\n",
        "old_protocol: AuthService a",
    ),
    (
        "kind: Mapping\nmetadata: {name: m}\nspec: {bypass_auth: true}\n",
        "route_without_gate: Mapping m",
    ),
    (
        "kind: GatewayExtension\nmetadata: {name: g}\nspec: {extAuth: {grpcService: {requestTimeout: 250ms}}}\n",
        "error_looks_like_refusal: GatewayExtension g",
    ),
    (
        "kind: TrafficPolicy\nmetadata: {name: t}\nspec: {extAuth: {disable: {}}}\n",
        "route_without_gate: TrafficPolicy t",
    ),
    (
        "meshConfig: {pathNormalization: {normalization: MERGE_SLASHES}, extensionProviders: [{name: g, envoyExtAuthzGrpc: {timeout: 0.25s}}]}\n",
        "error_looks_like_refusal: meshConfig, provider g",
    ),
];

#[test]
fn troubles_of_kubernetes_objects_are_found() {
    for (object, from, to, expected) in SPOILT {
        assert_eq!(found(&replaced(object, from, to)), [expected], "{to}");
    }
    for (object, expected) in OBJECTS {
        assert_eq!(found(object), [expected]);
    }
}

#[test]
fn objects_of_istio_without_a_policy_that_asks_are_told() {
    let expected = ["no_custom_policy: objects of Istio"];
    let allow = CUSTOM.replace("action: CUSTOM, provider: {name: gate}", "action: ALLOW");
    assert_eq!(found(&allow), expected);
    assert_eq!(found(&[MESH, &allow].join("---\n")), expected);
    assert_eq!(found(&[&allow, CUSTOM].join("---\n")), [""; 0]);
    let tokens = "kind: RequestAuthentication\nmetadata: {name: a}\nspec: {jwtRules: []}\n";
    assert_eq!(found(tokens), expected);
}

#[test]
fn a_policy_that_replaces_the_gate_is_found() {
    let cors = "---\nkind: SecurityPolicy\nmetadata: {name: cors}\nspec: {targetRefs: [{kind: HTTPRoute, name: shop}], cors: {}}\n";
    let both = [SECURITY, cors].concat();
    assert_eq!(found(&both), ["gate_replaced: SecurityPolicy cors"]);
    let merged = replaced(&both, "cors: {}", "cors: {}, mergeType: StrategicMerge");
    assert_eq!(found(&merged), [""; 0]);
    let twice = [
        SECURITY,
        "---\n",
        &SECURITY.replace("name: gate", "name: other"),
    ]
    .concat();
    assert_eq!(
        found(&twice),
        [
            "gate_replaced: SecurityPolicy gate (other has the same target, Gateway/web/: only one of the two counts)",
            "gate_replaced: SecurityPolicy other (gate has the same target, Gateway/web/: only one of the two counts)",
        ]
    );
}
