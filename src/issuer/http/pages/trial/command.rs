//! A call as a command for a terminal.

use http::Uri;

use super::asked::{AskedCaller, Call};
use super::operation::Operation;
use crate::issuer::PortalSettings;
use crate::issuer::http::pages::apps::UNKNOWN_API;
use crate::policy::HostPattern;

/// The command that sends a call. All of it but the body is free of apostrophes: targets are encoded, and the
/// settings refuse such addresses.
pub(super) fn command(call: &Call, caller: Option<AskedCaller<'_>>, origin: &str) -> String {
    let mut command = "curl --include".to_owned();
    match (&*call.method, &call.body) {
        ("GET", _) => {}
        ("HEAD", _) => command.push_str(" --head"),
        (method, _) => command.extend([" --request ", &quoted(method)]),
    }
    if caller != Some(AskedCaller::Without) {
        command.push_str(" --header \"Authorization: Bearer $TOKEN\"");
    }
    if let Some((content_type, text)) = &call.body {
        let header = quoted(&format!("Content-Type: {content_type}"));
        command.extend([" \\\n  --header ", &header, " --data-raw ", &quoted(text)]);
    }
    // Braces and brackets of an address would be patterns.
    let address = quoted(&format!("{origin}{}", call.target));
    format!("{command} --globoff \\\n  {address}")
}

/// The hosts of the API, as far as the settings have them: that of the proxy first, to which calls go.
pub(super) fn known_authorities(settings: &PortalSettings) -> Vec<String> {
    let origins = [proxy_origin(settings), example_origin(settings)];
    let known = origins.into_iter().flatten();
    let mut known: Vec<String> = known.map(|(_, authority)| authority).collect();
    if known.is_empty() {
        known.extend(UNKNOWN_API.strip_prefix("https://").map(str::to_owned));
    }
    known
}

/// Origin and authority of the examples.
fn example_origin(settings: &PortalSettings) -> Option<(String, String)> {
    let uri: Uri = settings.example_url.as_deref()?.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    Some((format!("{scheme}://{authority}"), authority.to_string()))
}

/// Origin and authority of the proxy.
fn proxy_origin(settings: &PortalSettings) -> Option<(String, String)> {
    let origin = &settings.proxy.as_ref()?.origin;
    Some((origin.address_of(""), origin.authority().to_owned()))
}

/// Where the API is for its users: where the examples are, else at the proxy.
pub(super) fn public_origin(settings: &PortalSettings, operation: &Operation<'_>) -> String {
    let origins = [example_origin(settings), proxy_origin(settings)];
    let mut known = origins.into_iter().flatten();
    if let Some((origin, _)) = known.find(|(_, authority)| operation.is_at(authority)) {
        return origin;
    }
    let named = operation.route.hosts.iter().find_map(|host| match host {
        HostPattern::Exact(name) => Some(format!("https://{name}")),
        HostPattern::Below(_) => None,
    });
    named.unwrap_or_else(|| UNKNOWN_API.to_owned())
}

/// A word of a shell that is read as it is. Whoever pastes it sends a terminal no control characters, which would be
/// commands to it: they are spelled out (`$'...'`, POSIX.1-2024 section 2.2.4).
fn quoted(text: &str) -> String {
    if !text.chars().any(is_command) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = "$'".to_owned();
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            command if is_command(command) => {
                let mut bytes = [0; 4];
                let bytes = command.encode_utf8(&mut bytes).bytes();
                // Three digits: no digit that follows is read as one of them.
                word.extend(bytes.map(|byte| format!("\\{byte:03o}")));
            }
            other => word.push(other),
        }
    }
    word.push('\'');
    word
}

/// What a terminal does not take for text.
fn is_command(character: char) -> bool {
    character.is_control() && !['\n', '\t'].contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, body: Option<&str>) -> Call {
        Call {
            method: method.to_owned(),
            target: "/orders/%7B1%7D?a=b&c".to_owned(),
            body: body.map(|text| ("application/json", text.to_owned())),
        }
    }

    #[test]
    fn a_shell_reads_the_words_as_they_are_meant() {
        let origin = "http://127.0.0.1:1";
        for (method, body, caller, expected) in [
            (
                "GET",
                None,
                Some(AskedCaller::Me),
                "curl --include --header \"Authorization: Bearer $TOKEN\" --globoff \\\n  \
                 'http://127.0.0.1:1/orders/%7B1%7D?a=b&c'",
            ),
            (
                "HEAD",
                None,
                Some(AskedCaller::Without),
                "curl --include --head --globoff \\\n  'http://127.0.0.1:1/orders/%7B1%7D?a=b&c'",
            ),
            (
                "POST",
                Some("@it's"),
                Some(AskedCaller::Without),
                "curl --include --request 'POST' \\\n  --header 'Content-Type: application/json' --data-raw \
                 '@it'\\''s' --globoff \\\n  'http://127.0.0.1:1/orders/%7B1%7D?a=b&c'",
            ),
            (
                "POST",
                Some("it's\n\\ \u{3}1\u{85}"),
                Some(AskedCaller::Without),
                "curl --include --request 'POST' \\\n  --header 'Content-Type: application/json' --data-raw \
                 $'it\\'s\n\\\\ \\0031\\302\\205' --globoff \\\n  'http://127.0.0.1:1/orders/%7B1%7D?a=b&c'",
            ),
        ] {
            assert_eq!(command(&call(method, body), caller, origin), expected);
        }
    }
}
