//! Why a request is refused before it is judged.

use crate::labels::closed_set;

closed_set! {
    /// Why a request cannot be understood, or must not be: its proxy and its upstream could read it
    /// differently.
    #[derive(thiserror::Error)]
    pub enum MalformedRequest {
        /// Not protobuf, or cut off.
        #[error("the message is not protobuf")]
        NotProtobuf = "not_protobuf",
        #[error("a field appears twice")]
        RepeatedField = "repeated_field",
        /// A network filter asks, or a proxy that sends nothing to judge.
        #[error("the message has no HTTP attributes")]
        NoHttpAttributes = "no_http_attributes",
        /// NUL, CR or LF.
        #[error("a header contains a control character")]
        HeaderControl = "header_control",
        #[error("the query or fragment does not match the path")]
        QueryAtOdds = "query_at_odds",
        /// A pseudo-header says something else than the attribute that is judged.
        #[error("the pseudo-headers do not match method, host and path")]
        TargetAtOdds = "target_at_odds",
        /// The front end was given the headers in two forms, with different credentials.
        #[error("the two forms of the headers do not match")]
        HeadersAtOdds = "headers_at_odds",
        /// More than one `Access-Control-Request-Method`: the upstream may answer for either.
        #[error("the preflight asks for several methods")]
        PreflightMethods = "preflight_methods",
        /// The caller sent an identity header, and the configuration refuses that.
        #[error("the caller sent an identity header")]
        IdentityHeader = "identity_header",
        /// More than anybody sends by accident.
        #[error("too many headers look like identity headers")]
        TooManyAliases = "too_many_aliases",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Label;

    #[test]
    fn the_page_on_symptoms_names_every_rule() {
        let page = include_str!("../../docs/troubleshooting.md");
        // Alike ones share a row.
        let first_cells = page.lines().filter_map(|line| line.split('|').nth(1));
        for rule in MalformedRequest::ALL {
            let name = format!("`{}`", rule.label());
            assert!(
                first_cells.clone().any(|cell| cell.contains(&name)),
                "{name} has no row in docs/troubleshooting.md"
            );
        }
    }
}
