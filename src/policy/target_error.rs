//! Why a request cannot be judged: proxy and upstream may read its method, host or path differently.

use crate::labels::closed_set;

closed_set! {
    /// Why a request's method, host or path cannot be judged: proxy and upstream may read it
    /// differently.
    #[derive(thiserror::Error)]
    pub enum TargetError {
        /// Neither `/...` nor a form that the method allows (RFC 9112 section 3.2).
        #[error("the path does not begin with a slash")]
        PathNotOriginForm = "path_not_origin_form",
        /// More bytes or more segments than are looked at.
        #[error("the path is too long")]
        PathTooLong = "path_too_long",
        /// A raw or encoded control byte, or a raw space.
        #[error("the path has a control byte or a space")]
        PathControl = "path_control",
        /// A raw or encoded backslash, which some servers read as a slash.
        #[error("the path has a backslash")]
        PathBackslash = "path_backslash",
        /// A `#`, which no request target has (RFC 9112 section 3.2).
        #[error("the path has a fragment")]
        PathFragment = "path_fragment",
        /// `//`, or a slash at the end.
        #[error("the path has an empty segment")]
        PathEmptySegment = "path_empty_segment",
        /// `.` or `..` (RFC 3986 section 5.2.4), perhaps only after something else was taken away.
        #[error("the path has a dot segment")]
        PathDotSegment = "path_dot_segment",
        /// `%2e`, whose only use is to hide dot segments.
        #[error("the path has an encoded dot")]
        PathEncodedDot = "path_encoded_dot",
        /// `%2f`.
        #[error("the path has an encoded slash")]
        PathEncodedSlash = "path_encoded_slash",
        /// `%3f` or `%23`: whoever decodes and then looks for a query or fragment ends the path there.
        #[error("the path has an encoded `?` or `#`")]
        PathEncodedDelimiter = "path_encoded_delimiter",
        /// `;`, behind which some servers see parameters (RFC 3986 section 3.3).
        #[error("the path has a parameter after `;`")]
        PathParameter = "path_parameter",
        /// `/:text` at the end. Envoy's gRPC-JSON transcoder takes `:text` for a verb, drops the empty
        /// segment that is left, and so calls what `/a:text` calls.
        #[error("the path ends in `/:text`, which some servers read as a verb of what is before it")]
        PathBareVerb = "path_bare_verb",
        /// Only of a policy that ignores case.
        #[error("the path has a character that servers compare differently when they ignore case")]
        PathUncertainCase = "path_uncertain_case",
        /// A `%` without two hexadecimal digits.
        #[error("the path contains an invalid percent-encoding")]
        PathBadPercent = "path_bad_percent",
        /// What remains after decoding could be decoded again.
        #[error("the path is encoded twice")]
        PathDoubleEncoding = "path_double_encoding",
        /// Not UTF-8 after decoding.
        #[error("the path is not UTF-8")]
        PathNotUtf8 = "path_not_utf8",
        /// More readings than are followed; only a policy with `paths` gets here.
        #[error("the path can be read in too many ways")]
        PathTooAmbiguous = "path_too_ambiguous",
        /// A gRPC call whose path is not `/package.Service/Method`, perhaps below a prefix, without
        /// query and without encoding.
        #[error("the path of a gRPC call does not end in `/service/method`")]
        GrpcPath = "grpc_path",
        /// More than 253 bytes, or a label of more than 63 (RFC 1035 section 2.3.4).
        #[error("the host is too long")]
        HostTooLong = "host_too_long",
        /// A byte that no name has; also a comma, which joins two hosts.
        #[error("the host contains an invalid character")]
        HostCharacter = "host_character",
        /// An empty label, as in `a..b`.
        #[error("the host has an empty label")]
        HostEmptyLabel = "host_empty_label",
        /// Ends like an IPv4 address and is not one, or its brackets hold something else than an IPv6 address.
        #[error("the host is not a valid address")]
        HostAddress = "host_address",
        /// What follows the colon is neither empty nor a number from 0 to 65535 (RFC 3986 section 3.2.3).
        #[error("the port is not a number from 0 to 65535")]
        HostPort = "host_port",
        /// Empty, too long, or not a token (RFC 9110 section 9.1).
        #[error("the method is not a token")]
        MethodNotToken = "method_not_token",
        /// `POSTcancel`: Envoy's gRPC-JSON transcoder looks a call up by method and verb in one word.
        #[error("the method begins with the name of another method")]
        MethodExtended = "method_extended",
    }
}

impl TargetError {
    /// How `paths` of the policy lets such requests in, if it can.
    pub fn setting(self) -> Option<&'static str> {
        match self {
            Self::PathEmptySegment => Some(
                "`paths.merge_slashes` of the policy lets `//` in, and `paths.trailing_slash` a slash at the end",
            ),
            Self::PathEncodedSlash => Some("`paths.encoded_slashes` of the policy lets it in"),
            Self::PathEncodedDelimiter => {
                Some("`paths.encoded_delimiters` of the policy lets it in")
            }
            Self::PathParameter => Some("`paths.path_parameters` of the policy lets it in"),
            Self::PathUncertainCase => {
                Some("it is refused because of `paths.ignore_case` of the policy")
            }
            Self::PathTooAmbiguous => Some(
                "each setting of `paths` in the policy adds readings: leave out those that the API does not need",
            ),
            Self::PathNotOriginForm
            | Self::PathTooLong
            | Self::PathControl
            | Self::PathBackslash
            | Self::PathFragment
            | Self::PathDotSegment
            | Self::PathEncodedDot
            | Self::PathBareVerb
            | Self::PathBadPercent
            | Self::PathDoubleEncoding
            | Self::PathNotUtf8
            | Self::GrpcPath
            | Self::HostTooLong
            | Self::HostCharacter
            | Self::HostEmptyLabel
            | Self::HostAddress
            | Self::HostPort
            | Self::MethodNotToken
            | Self::MethodExtended => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Label;

    #[test]
    fn the_page_on_answers_names_every_rule_and_the_setting_that_lets_it_in() {
        let page = include_str!("../../docs/answers.md");
        for rule in TargetError::ALL {
            let label = format!("`{}`", rule.label());
            let row = page
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&label));
            let row = row.unwrap_or_else(|| panic!("{label} is not in docs/answers.md"));
            let settings = rule
                .setting()
                .unwrap_or_default()
                .split('`')
                .skip(1)
                .step_by(2);
            for setting in settings.filter(|word| word.starts_with("paths.")) {
                let key = format!("`{setting}`");
                assert!(row.contains(&key), "{label}: {row} does not name {key}");
            }
        }
    }
}
