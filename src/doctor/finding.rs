//! What can be found, why it matters, and how to fix it.

use crate::labels::{Label, closed_set};

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub trouble: Trouble,
    /// Where, within the document.
    pub place: String,
    /// What exactly stands there.
    pub detail: Option<String>,
}

impl Finding {
    pub fn severity(&self) -> Severity {
        self.trouble.severity()
    }
}

closed_set! {
    /// How bad a finding is, the worst first.
    pub enum Severity {
        /// Requests reach the upstream that the policy refuses, or all are refused.
        Fail = "fail",
        /// The policy holds, but something beside it does not.
        Warn = "warn",
        /// To know.
        Note = "note",
    }
}

closed_set! {
    /// What can be wrong.
    pub enum Trouble {
        GateNotAsked = "gate_not_asked",
        RouteWithoutGate = "route_without_gate",
        FailOpen = "fail_open",
        PartlyAsked = "partly_asked",
        RulesNeverMatch = "rules_never_match",
        RulesLeaveOut = "rules_leave_out",
        ShadowMode = "shadow_mode",
        HeadersHidden = "headers_hidden",
        AnswerIgnored = "answer_ignored",
        AskedOverHttp = "asked_over_http",
        OldProtocol = "old_protocol",
        GateClusterHttp1 = "gate_cluster_http1",
        SlashesUnescaped = "slashes_unescaped",
        IdentityOverwritten = "identity_overwritten",
        RouteByIdentity = "route_by_identity",
        GateReplaced = "gate_replaced",
        DryRunRefuses = "dry_run_refuses",
        AnswerCached = "answer_cached",
        PathNotNormalized = "path_not_normalized",
        RouteCacheCleared = "route_cache_cleared",
        ChangesAfterGate = "changes_after_gate",
        TimeoutMissing = "timeout_missing",
        TimeoutLong = "timeout_long",
        ErrorLooksLikeRefusal = "error_looks_like_refusal",
        RawHeadersOff = "raw_headers_off",
        AnswerAppliedInPart = "answer_applied_in_part",
        AskedByMetadata = "asked_by_metadata",
        NoCustomPolicy = "no_custom_policy",
        IdentityNotRemovedEarly = "identity_not_removed_early",
        PathRewritten = "path_rewritten",
        CorsAfterGate = "cors_after_gate",
        BodyLimit = "body_limit",
        EscapedSlashesKept = "escaped_slashes_kept",
        SlashesNotMerged = "slashes_not_merged",
        UnderscoresAllowed = "underscores_allowed",
        ChecksLimited = "checks_limited",
        StreamsUnbounded = "streams_unbounded",
        RoutesElsewhere = "routes_elsewhere",
        FilterElsewhere = "filter_elsewhere",
    }
}

impl Trouble {
    pub fn name(self) -> &'static str {
        self.label()
    }

    pub fn severity(self) -> Severity {
        match self {
            Self::GateNotAsked
            | Self::RouteWithoutGate
            | Self::FailOpen
            | Self::PartlyAsked
            | Self::RulesNeverMatch
            | Self::RulesLeaveOut
            | Self::ShadowMode
            | Self::HeadersHidden
            | Self::AnswerIgnored
            | Self::AskedOverHttp
            | Self::OldProtocol
            | Self::GateClusterHttp1
            | Self::SlashesUnescaped
            | Self::IdentityOverwritten
            | Self::RouteByIdentity
            | Self::GateReplaced
            | Self::DryRunRefuses
            | Self::AnswerCached => Severity::Fail,
            Self::PathNotNormalized
            | Self::RouteCacheCleared
            | Self::ChangesAfterGate
            | Self::TimeoutMissing
            | Self::TimeoutLong
            | Self::ErrorLooksLikeRefusal
            | Self::RawHeadersOff
            | Self::AnswerAppliedInPart
            | Self::AskedByMetadata
            | Self::NoCustomPolicy => Severity::Warn,
            Self::IdentityNotRemovedEarly
            | Self::PathRewritten
            | Self::CorsAfterGate
            | Self::BodyLimit
            | Self::EscapedSlashesKept
            | Self::SlashesNotMerged
            | Self::UnderscoresAllowed
            | Self::ChecksLimited
            | Self::StreamsUnbounded
            | Self::RoutesElsewhere
            | Self::FilterElsewhere => Severity::Note,
        }
    }

    /// Why it matters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::GateNotAsked => {
                "no `ext_authz` filter stands here, so every request passes without a check"
            }
            Self::RouteWithoutGate => {
                "the gate is not asked on this route, so everybody may use it"
            }
            Self::FailOpen => "while the gate does not answer, every request passes",
            Self::PartlyAsked => "only a part of the requests is checked; the rest passes",
            Self::RulesNeverMatch => {
                "the gate is asked for requests that these rules match, and they never match when it is its turn"
            }
            Self::RulesLeaveOut => {
                "the gate is not asked for requests that these rules do not match, in any spelling of their path"
            }
            Self::ShadowMode => "the proxy asks the gate and does not do what it answers",
            Self::HeadersHidden => {
                "the gate does not see all headers: tokens, preflights and callers' copies of identity headers escape it"
            }
            Self::AnswerIgnored => {
                "the proxy may leave out what the gate sets and removes, and the upstream trusts the caller's own identity headers"
            }
            Self::AskedOverHttp => {
                "over HTTP the proxy sends few headers and joins repeated ones, and the gate cannot remove headers"
            }
            Self::OldProtocol => "the gate speaks version 3 of the protocol alone",
            Self::GateClusterHttp1 => {
                "gRPC needs HTTP/2, and the proxy speaks HTTP/1.1 to this cluster: every check fails"
            }
            Self::SlashesUnescaped => {
                "the proxy decodes `%2F` and passes the result on, and the upstream may decode what is left a second time"
            }
            Self::IdentityOverwritten => {
                "an identity header is set or removed after the gate: the upstream trusts what the gate did not say"
            }
            Self::RouteByIdentity => {
                "the route is chosen before the gate is asked, by an identity header that the caller has written"
            }
            Self::GateReplaced => {
                "of several policies the proxy uses one, whole: this one switches the gate off for what it covers"
            }
            Self::DryRunRefuses => {
                "the rules of such a dry run are enforced, so that everybody is refused"
            }
            Self::AnswerCached => "a kept answer outlives the token, its revocation and the policy",
            Self::PathNotNormalized => "`/a/../b` reaches the gate as it is, which refuses it",
            Self::RouteCacheCleared => {
                "after the gate has answered, the request may take another route than the one that was judged"
            }
            Self::ChangesAfterGate => {
                "this filter runs after the gate and can change the path and the identity headers that it decided on"
            }
            Self::TimeoutMissing => {
                "without a timeout a request waits as long as the proxy's default says: 200 ms in Envoy, 10 s in Envoy Gateway, 10 minutes in Istio"
            }
            Self::TimeoutLong => "while the gate does not answer, every request waits this long",
            Self::ErrorLooksLikeRefusal => {
                "if the gate does not answer, the caller gets 403, as if it had refused"
            }
            Self::RawHeadersOff => {
                "the proxy joins repeated headers and replaces bytes that are not UTF-8 before the gate sees them"
            }
            Self::AnswerAppliedInPart => {
                "of an answer that the proxy cannot apply as a whole it applies a part"
            }
            Self::AskedByMetadata => {
                "the gate is asked only for requests that an earlier filter has marked"
            }
            Self::NoCustomPolicy => "no `CUSTOM` policy among these objects asks the gate",
            Self::IdentityNotRemovedEarly => {
                "callers' copies of identity headers are removed by the gate alone, so not where it is not asked"
            }
            Self::PathRewritten => {
                "the gate judges the path before it is rewritten: the policy must name that one, and the upstream sees another"
            }
            Self::CorsAfterGate => {
                "preflights reach the gate, which lets them through only by `preflight: true` in the policy"
            }
            Self::BodyLimit => "a larger body gets 413 before the gate is asked",
            Self::EscapedSlashesKept => {
                "`%2F` and `%5C` reach the gate, which refuses `%5C`, and `%2F` unless `paths.encoded_slashes` of the policy admits it"
            }
            Self::SlashesNotMerged => {
                "`//` reaches the gate, which refuses it unless `paths.merge_slashes` of the policy admits it"
            }
            Self::UnderscoresAllowed => {
                "some upstreams read `x_auth_subject` as `x-auth-subject`; the gate alone removes it"
            }
            Self::ChecksLimited => {
                "more than 1024 checks at once are errors to the proxy, as if the gate were away"
            }
            Self::StreamsUnbounded => {
                "nothing bounds how many checks one HTTP/2 client has under way"
            }
            Self::RoutesElsewhere => "the routes are not in this file and were not examined",
            Self::FilterElsewhere => {
                "the filter's configuration is not in this file and was not examined"
            }
        }
    }

    /// What to do.
    pub fn fix(self) -> &'static str {
        match self {
            Self::GateNotAsked => {
                "add the `ext_authz` filter before the router, as in `config/envoy.yaml`"
            }
            Self::RouteWithoutGate => {
                "remove `disabled`; what is public is said in the policy, by `access: public`"
            }
            Self::FailOpen => "set `failure_mode_allow: false` (`failOpen: false`)",
            Self::PartlyAsked => "remove `filter_enabled`",
            Self::RulesNeverMatch => "write `rules: [{}]`; tokens are the gate's to judge",
            Self::RulesLeaveOut => "write `rules: [{}]`, and say in the policy what is public",
            Self::ShadowMode => "remove `shadow_mode`; to try a policy, use `mode: shadow` in it",
            Self::HeadersHidden => {
                "remove `allowed_headers` and `disallowed_headers` (`headersToExtAuth`)"
            }
            Self::AnswerIgnored => {
                "remove `decoder_header_mutation_rules`, or set `disallow_is_error: true` in it"
            }
            Self::AskedOverHttp => {
                "use `grpc_service` (`grpc`) with the address of `listeners.authz`"
            }
            Self::OldProtocol => "set `transport_api_version: V3`",
            Self::GateClusterHttp1 => {
                "add `explicit_http_config: {http2_protocol_options: {}}` to the cluster's `HttpProtocolOptions`"
            }
            Self::SlashesUnescaped => {
                "set `path_with_escaped_slashes_action: REJECT_REQUEST` (`RejectRequest`; in Istio `MERGE_SLASHES`)"
            }
            Self::IdentityOverwritten => {
                "remove it; claims become headers by `identity_headers.claims` of the gate"
            }
            Self::RouteByIdentity => {
                "match on something that callers cannot choose; who may use a route is said in the policy"
            }
            Self::GateReplaced => "add `mergeType: StrategicMerge` to it, or `extAuth`",
            Self::DryRunRefuses => {
                "remove the annotation; to try a policy, use `mode: shadow` in it"
            }
            Self::AnswerCached => {
                "remove the cache; the gate keeps proofs itself, and looks at the rest on each request"
            }
            Self::PathNotNormalized => "set `normalize_path: true`",
            Self::RouteCacheCleared => {
                "remove `clear_route_cache` (`recomputeRoute`), unless no route matches on what the gate sets"
            }
            Self::ChangesAfterGate => {
                "move it before `ext_authz` (`filterOrder` in Envoy Gateway), or be sure that it changes neither"
            }
            Self::TimeoutMissing | Self::TimeoutLong => "set the timeout to `0.25s`",
            Self::ErrorLooksLikeRefusal => {
                "set `status_on_error: {code: ServiceUnavailable}` (`statusOnError: 503`)"
            }
            Self::RawHeadersOff => "set `encode_raw_headers: true`",
            Self::AnswerAppliedInPart => "set `validate_mutations: true`",
            Self::AskedByMetadata => {
                "remove `filter_enabled_metadata`, or be sure that it is there for every request"
            }
            Self::NoCustomPolicy => {
                "add an `AuthorizationPolicy` with `action: CUSTOM` and the gate's provider, or examine the one that \
                 there is together with these"
            }
            Self::IdentityNotRemovedEarly => {
                "remove them in `early_header_mutation_extensions`, as in `config/envoy.yaml`"
            }
            Self::PathRewritten => "check that the policy has the path that callers send",
            Self::CorsAfterGate => {
                "move the CORS filter before `ext_authz`, or use `preflight: true`"
            }
            Self::BodyLimit => "remove `with_request_body`: the gate does not read bodies",
            Self::EscapedSlashesKept => {
                "set `path_with_escaped_slashes_action: REJECT_REQUEST`, unless your API has such paths"
            }
            Self::SlashesNotMerged => "set `merge_slashes: true`",
            Self::UnderscoresAllowed => "set `headers_with_underscores_action: DROP_HEADER`",
            Self::ChecksLimited => {
                "raise `max_requests` and `max_pending_requests` of the cluster's circuit breakers, to 8192 for example"
            }
            Self::StreamsUnbounded => "set `http2_protocol_options: {max_concurrent_streams: 100}`",
            Self::RoutesElsewhere => {
                "examine a config dump, which has them: `curl -s localhost:9901/config_dump | portcullis doctor -`"
            }
            Self::FilterElsewhere => {
                "examine a config dump with it: `curl -s 'localhost:9901/config_dump?include_eds' | portcullis doctor -`"
            }
        }
    }
}
