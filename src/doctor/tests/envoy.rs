//! Bootstraps and dumps of Envoy.

use super::*;

const ROUTER: &str = "          - name: envoy.filters.http.router\n";
const ROUTE: &str = "              - match: {prefix: /}\n                route: {cluster: upstream, timeout: 15s}\n";

/// Rows: what is replaced by what, and what is found then.
const PLANTED: [(&str, &str, &str); 33] = [
    (
        "failure_mode_allow: false",
        "failure_mode_allow: true",
        "fail_open: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "filter_enabled: {default_value: {numerator: 50}}",
        "partly_asked: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "shadow_mode: true",
        "shadow_mode: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "allowed_headers: {patterns: [{exact: authorization}]}",
        "headers_hidden: listener http, filter envoy.filters.http.ext_authz (allowed_headers)",
    ),
    (
        "failure_mode_allow: false",
        "disallowed_headers: {patterns: [{exact: cookie}]}",
        "headers_hidden: listener http, filter envoy.filters.http.ext_authz (disallowed_headers)",
    ),
    (
        "failure_mode_allow: false",
        "decoder_header_mutation_rules: {disallow_all: true}",
        "answer_ignored: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "clear_route_cache: true",
        "route_cache_cleared: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "with_request_body: {max_request_bytes: 8192}",
        "body_limit: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "failure_mode_allow: false",
        "filter_enabled_metadata: {filter: mine}",
        "asked_by_metadata: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "transport_api_version: V3",
        "transport_api_version: V2",
        "old_protocol: listener http, filter envoy.filters.http.ext_authz (V2)",
    ),
    (
        "                timeout: 0.25s\n",
        "",
        "timeout_missing: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "                timeout: 0.25s\n",
        "                timeout: 10s\n",
        "timeout_long: listener http, filter envoy.filters.http.ext_authz (10 s)",
    ),
    (
        "status_on_error: {code: ServiceUnavailable}",
        "status_on_error: {code: Forbidden}",
        "error_looks_like_refusal: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "encode_raw_headers: true",
        "encode_raw_headers: false",
        "raw_headers_off: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "validate_mutations: true",
        "validate_mutations: false",
        "answer_applied_in_part: listener http, filter envoy.filters.http.ext_authz",
    ),
    (
        "          normalize_path: true",
        "          normalize_path: false",
        "path_not_normalized: listener http",
    ),
    (
        "          merge_slashes: true\n",
        "",
        "slashes_not_merged: listener http",
    ),
    (
        "path_with_escaped_slashes_action: REJECT_REQUEST",
        "path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD",
        "slashes_unescaped: listener http",
    ),
    (
        "path_with_escaped_slashes_action: REJECT_REQUEST",
        "path_with_escaped_slashes_action: KEEP_UNCHANGED",
        "escaped_slashes_kept: listener http (KEEP_UNCHANGED)",
    ),
    (
        "headers_with_underscores_action: DROP_HEADER",
        "headers_with_underscores_action: ALLOW",
        "underscores_allowed: listener http",
    ),
    (
        "http2_protocol_options: {max_concurrent_streams: 100}",
        "http2_protocol_options: {}",
        "streams_unbounded: listener http",
    ),
    (
        "(subject|client|scopes|issuer)",
        "(subject|scopes|issuer)",
        "identity_not_removed_early: listener http (x-auth-client)",
    ),
    (
        "        explicit_http_config: {http2_protocol_options: {}}",
        "        explicit_http_config: {http_protocol_options: {}}",
        "gate_cluster_http1: cluster portcullis",
    ),
    (
        "    circuit_breakers:\n      thresholds:\n      - {max_requests: 8192, max_pending_requests: 8192}\n",
        "",
        "checks_limited: cluster portcullis",
    ),
    (
        "    typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "    typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors",
        "gate_not_asked: listener http",
    ),
    (
        ROUTE,
        "              - match: {prefix: /}\n                route: {cluster: upstream}\n                typed_per_filter_config: {envoy.filters.http.ext_authz: {\"@type\": x/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true}}\n",
        "route_without_gate: listener http, virtual host shop, route 0 (prefix /)",
    ),
    (
        ROUTE,
        "              - match: {prefix: /}\n                name: all\n                route: {weighted_clusters: {clusters: [{name: a, typed_per_filter_config: {envoy.filters.http.ext_authz: {\"@type\": x/envoy.config.route.v3.FilterConfig, disabled: true}}}]}}\n",
        "route_without_gate: listener http, virtual host shop, route all, cluster a",
    ),
    (
        ROUTE,
        "              - match: {prefix: /}\n                route: {cluster: upstream, prefix_rewrite: /v1}\n",
        "path_rewritten: listener http, virtual host shop, route 0 (prefix /)",
    ),
    (
        ROUTE,
        "              - match: {prefix: /, headers: [{name: X-Auth-Scopes, string_match: {exact: admin}}]}\n                route: {cluster: upstream}\n",
        "route_by_identity: listener http, virtual host shop, route 0 (prefix /) (X-Auth-Scopes)",
    ),
    (
        ROUTE,
        "              - match: {prefix: /}\n                route: {cluster: upstream}\n                request_headers_to_remove: [x_auth_subject]\n",
        "identity_overwritten: listener http, virtual host shop, route 0 (prefix /) (x_auth_subject)",
    ),
    (
        ROUTER,
        "          - name: lua\n            typed_config: {\"@type\": x/envoy.extensions.filters.http.lua.v3.Lua}\n          - name: envoy.filters.http.router\n",
        "changes_after_gate: listener http, filter lua (Lua)",
    ),
    (
        ROUTER,
        "          - name: jwt\n            typed_config: {\"@type\": x/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication, providers: {p: {claim_to_headers: [{header_name: x-auth-subject, claim_name: jti}]}}}\n          - name: envoy.filters.http.router\n",
        "identity_overwritten: listener http, filter jwt (x-auth-subject)",
    ),
    (
        ROUTER,
        "          - name: cors\n            typed_config: {\"@type\": x/envoy.extensions.filters.http.cors.v3.Cors}\n          - name: envoy.filters.http.router\n",
        "cors_after_gate: listener http, filter cors",
    ),
];

#[test]
fn each_planted_trouble_is_found_and_nothing_else() {
    for (from, to, expected) in PLANTED {
        assert_eq!(found(&replaced(ENVOY, from, to)), [expected], "{to}");
    }
}

#[test]
fn the_gate_may_be_asked_by_several_filters_that_routes_enable() {
    let disabled = replaced(
        ENVOY,
        "          - name: envoy.filters.http.ext_authz\n",
        "          - name: envoy.filters.http.ext_authz\n            disabled: true\n",
    );
    assert_eq!(
        found(&disabled),
        ["route_without_gate: listener http, virtual host shop, route 0 (prefix /)"]
    );
    let enabled = replaced(
        &disabled,
        "              domains: [\"*\"]\n",
        "              domains: [\"*\"]\n              typed_per_filter_config: {envoy.filters.http.ext_authz: {\"@type\": x/envoy.config.route.v3.FilterConfig, config: {}}}\n",
    );
    assert_eq!(found(&enabled), [""; 0]);
}

#[test]
fn another_service_that_is_asked_is_not_the_gate() {
    let gate = |cluster: &str| Assumptions {
        cluster: Some(cluster.to_owned()),
        ..Assumptions::default()
    };
    assert_eq!(found_with(ENVOY, &gate("portcullis")), [""; 0]);
    assert_eq!(
        found_with(ENVOY, &gate("other")),
        ["gate_not_asked: listener http"]
    );
}

#[test]
fn other_identity_headers_are_looked_for_where_they_have_other_names() {
    let assumptions = Assumptions {
        identity: IdentityNames::new(["x-user".to_owned()]),
        ..Assumptions::default()
    };
    assert_eq!(
        found_with(ENVOY, &assumptions),
        ["identity_not_removed_early: listener http (x-user)"]
    );
}

/// What Envoy 1.40.0 dumps when it runs the sample.
#[test]
fn the_dump_of_a_running_envoy_has_none() {
    let dump = include_str!("../../../tests/fixtures/doctor/config_dump.json");
    assert_eq!(found(dump), [""; 0]);
    let open = replaced(
        dump,
        "\"encode_raw_headers\": true",
        "\"failure_mode_allow\": true",
    );
    let filter = "listener http, filter envoy.filters.http.ext_authz";
    let expected = ["fail_open", "raw_headers_off"].map(|name| format!("{name}: {filter}"));
    assert_eq!(found(&open), expected);
}

/// A dump has the same parts in other places, and names in camel case where a tool has printed it.
#[test]
fn a_config_dump_is_examined_like_a_bootstrap() {
    let dump = r#"{"configs": [
      {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener":
        {"name": "l", "filterChains": [{"filters": [{"typedConfig": {"@type": "x/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
          "normalizePath": true, "mergeSlashes": true, "pathWithEscapedSlashesAction": "REJECT_REQUEST",
          "commonHttpProtocolOptions": {"headersWithUnderscoresAction": "REJECT_REQUEST"}, "http2ProtocolOptions": {"maxConcurrentStreams": 100},
          "earlyHeaderMutationExtensions": [{"typedConfig": {"@type": "x/HeaderMutation", "mutations": [{"removeOnMatch": {"keyMatcher": {"prefix": "x-auth-"}}}]}}],
          "rds": {"routeConfigName": "r"},
          "httpFilters": [{"name": "a", "typedConfig": {"@type": "x/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", "transportApiVersion": "V3",
            "failureModeAllow": true, "encodeRawHeaders": true, "validateMutations": true, "statusOnError": {"code": "ServiceUnavailable"},
            "grpcService": {"envoyGrpc": {"clusterName": "g"}, "timeout": "0.250s"}}}]}}]}]}}}]},
      {"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [{"route_config":
        {"name": "r", "virtual_hosts": [{"name": "v", "routes": [{"name": "open", "route": {}, "typed_per_filter_config": {"a": {"@type": "x/FilterConfig", "disabled": true}}}, {"name": "shut", "route": {}}]}]}}]},
      {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "static_clusters": [{"cluster": {"name": "g"}}]}
    ]}"#;
    assert_eq!(
        found(dump),
        [
            "fail_open: listener l, filter a",
            "gate_cluster_http1: cluster g",
            "route_without_gate: listener l, virtual host v, route open",
            "checks_limited: cluster g",
        ]
    );
    let elsewhere = dump.replace("RoutesConfigDump", "OtherDump");
    assert!(found(&elsewhere).contains(&"routes_elsewhere: listener l".to_owned()));
}

/// What Istio makes of a `CUSTOM` policy.
#[test]
fn the_shadow_rules_of_istio_say_for_what_the_gate_is_asked() {
    let with = |rules: &str| {
        replaced(
            ENVOY,
            "          http_filters:\n",
            &format!(
                "          http_filters:\n          - name: rbac\n            typed_config: {{\"@type\": x/envoy.extensions.filters.http.rbac.v3.RBAC, \
                 shadow_rules_stat_prefix: istio_ext_authz_, shadow_rules: {{policies: {rules}}}}}\n"
            ),
        )
    };
    for (rules, expected) in [
        (
            "{a: {permissions: [{any: true}], principals: [{any: true}]}}",
            &[][..],
        ),
        (
            "{a: {permissions: [{and_rules: {rules: [{any: true}]}}], principals: [{and_ids: {ids: [{any: true}]}}]}}",
            &[],
        ),
        ("{}", &["rules_never_match: listener http, filter rbac"]),
        (
            "{a: {permissions: [{any: true}], principals: [{metadata: {filter: envoy.filters.http.jwt_authn}}]}}",
            &["rules_never_match: listener http, filter rbac"],
        ),
        (
            "{a: {permissions: [{not_rule: {url_path: {}}}], principals: [{any: true}]}}",
            &["rules_leave_out: listener http, filter rbac"],
        ),
    ] {
        assert_eq!(found(&with(rules)), expected, "{rules}");
    }
}
