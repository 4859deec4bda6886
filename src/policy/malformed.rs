//! Why a request cannot be judged: proxy and upstream may read its method, host or path differently.

macro_rules! malformed_targets {
    ($($(#[doc = $doc:literal])+ $variant:ident, $label:literal, $text:literal;)+) => {
        /// Why a request's method, host or path cannot be judged: proxy and upstream may read it
        /// differently.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum MalformedTarget {
            $($(#[doc = $doc])+ #[error($text)] $variant,)+
        }

        impl MalformedTarget {
            /// Every variant, so that metrics can be registered before the first request.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// A short `snake_case` name from a closed set, for metrics and logs.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

malformed_targets! {
    /// Neither `/...` nor a form that the method allows (RFC 9112 section 3.2).
    PathNotOriginForm, "path_not_origin_form", "the path does not begin with a slash";
    /// More bytes or more segments than are looked at.
    PathTooLong, "path_too_long", "the path is too long";
    /// A raw or encoded control byte, or a raw space.
    PathControl, "path_control", "the path has a control byte or a space";
    /// A raw or encoded backslash, which some servers read as a slash.
    PathBackslash, "path_backslash", "the path has a backslash";
    /// A `#`, which no request target has (RFC 9112 section 3.2).
    PathFragment, "path_fragment", "the path has a fragment";
    /// `//`, or a slash at the end.
    PathEmptySegment, "path_empty_segment", "the path has an empty segment";
    /// `.` or `..` (RFC 3986 section 5.2.4), perhaps only after something else was taken away.
    PathDotSegment, "path_dot_segment", "the path has a dot segment";
    /// `%2e`, whose only use is to hide dot segments.
    PathEncodedDot, "path_encoded_dot", "the path has an encoded dot";
    /// `%2f`.
    PathEncodedSlash, "path_encoded_slash", "the path has an encoded slash";
    /// `%3f` or `%23`: whoever decodes and then looks for a query or fragment ends the path there.
    PathEncodedDelimiter, "path_encoded_delimiter", "the path has an encoded `?` or `#`";
    /// `;`, behind which some servers see parameters (RFC 3986 section 3.3).
    PathParameter, "path_parameter", "the path has a parameter";
    /// A `%` without two hexadecimal digits.
    PathBadPercent, "path_bad_percent", "the path has a percent sign that encodes nothing";
    /// What remains after decoding could be decoded again.
    PathDoubleEncoding, "path_double_encoding", "the path is encoded twice";
    /// Not UTF-8 after decoding.
    PathNotUtf8, "path_not_utf8", "the path is not UTF-8";
    /// More readings than are followed; only a policy with `paths` gets here.
    PathTooAmbiguous, "path_too_ambiguous", "the path can be read in too many ways";
    /// A gRPC call whose path is not `/package.Service/Method`, perhaps below a prefix, without
    /// query and without encoding.
    GrpcPath, "grpc_path", "the path of a gRPC call does not end in `/service/method`";
    /// More than 253 bytes, or a label of more than 63 (RFC 1035 section 2.3.4).
    HostTooLong, "host_too_long", "the host is too long";
    /// A byte that no name has; also a comma, which joins two hosts.
    HostCharacter, "host_character", "the host has a character that no name has";
    /// An empty label, as in `a..b`.
    HostEmptyLabel, "host_empty_label", "the host has an empty label";
    /// Ends like an IPv4 address and is none, or is no IPv6 address within its brackets.
    HostAddress, "host_address", "the host is no valid address";
    /// Neither nothing nor a number from 0 to 65535 behind the colon (RFC 3986 section 3.2.3).
    HostPort, "host_port", "the port is not a number from 0 to 65535";
    /// Empty, too long, or not a token (RFC 9110 section 9.1).
    MethodNotToken, "method_not_token", "the method is not a token";
}
