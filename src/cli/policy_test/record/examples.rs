//! Requests with examples in place of what a caller chose of the path.

use crate::cli::rehearsal::AskedRequest;

/// What stands for each parameter of a template.
const EXAMPLE: &str = "1";

/// The request with an example for each parameter of the template; nothing where there is none, or where the
/// path is not written like the template.
pub(super) fn with_examples(request: &AskedRequest, template: &str) -> Option<AskedRequest> {
    let mut theirs = request.path.split('/');
    let mut segments: Vec<String> = Vec::new();
    let mut has_parameter = false;
    for ours in template.split('/') {
        let segment = theirs.next()?;
        match ours.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            None => segments.push(segment.to_owned()),
            Some((name, after)) => {
                has_parameter = true;
                segments.push(format!("{EXAMPLE}{after}"));
                if name.starts_with('*') {
                    theirs = "".split('/');
                    theirs.next();
                }
            }
        }
    }
    (has_parameter && theirs.next().is_none()).then(|| AskedRequest {
        path: segments.join("/"),
        ..request.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_examples_and_nothing_else_does() {
        for (template, path, expected) in [
            ("/orders/{id}", "/orders/s3cret", Some("/orders/1")),
            (
                "/orders/{id}:cancel",
                "/orders/s3cret:cancel",
                Some("/orders/1:cancel"),
            ),
            ("/files/{*rest}", "/files/a/b/c", Some("/files/1")),
            ("/a/{x}/b/{y}", "/a/p/b/q", Some("/a/1/b/1")),
            ("/orders", "/orders", None),
            ("/orders/{id}", "/orders//s3cret", None),
            ("/orders/{id}", "/orders", None),
        ] {
            let request = AskedRequest {
                method: "GET".to_owned(),
                host: String::new(),
                path: path.to_owned(),
                ..AskedRequest::default()
            };
            let path = with_examples(&request, template).map(|request| request.path);
            assert_eq!(path.as_deref(), expected, "{template} {path:?}");
        }
    }
}
