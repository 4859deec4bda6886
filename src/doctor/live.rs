//! What the answers of a running proxy say about it, as far as it can be seen from outside.

use crate::labels::closed_set;

/// What a proxy answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveAnswer {
    pub status: u16,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// In the body of what a gate refuses.
    pub decision_id: Option<String>,
    /// Envoy says how long the upstream took, so it has answered.
    pub from_upstream: bool,
}

closed_set! {
    /// How good an answer is.
    pub enum Standing {
        /// As it should be.
        Fine = "ok",
        /// A request passes that must not.
        Open = "fail",
        /// It cannot be told.
        Unclear = "unclear",
        /// It cannot be told from outside, and need not be.
        Unseen = "note",
    }
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub standing: Standing,
    /// In words, with what to do where it is not as it should be.
    pub words: &'static str,
}

/// Why a spelling should be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBy {
    /// The policy was asked, and refuses it.
    ThePolicy,
    /// No policy was named.
    Assumption,
}

/// Who has answered, as far as that can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Gate,
    Upstream,
    Unknown,
}

impl LiveAnswer {
    fn source(&self) -> Source {
        // A body is anybody's to write: the gate only refuses, and then no upstream has answered.
        match (self.from_upstream, &self.decision_id) {
            (true, _) => Source::Upstream,
            (false, Some(_)) if self.status >= 400 => Source::Gate,
            (false, _) => Source::Unknown,
        }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// A request without a token, for what the policy marks public.
    pub fn of_public(&self) -> Meaning {
        match (self.source(), self.status) {
            (Source::Gate, 503) => GATE_CANNOT_JUDGE,
            (Source::Gate, _) => unclear(
                "the gate refuses what should be public: compare host and path with the policy that the gate has \
                 loaded (`/status`)",
            ),
            (Source::Upstream, _) => fine("the upstream has answered"),
            (Source::Unknown, 401 | 403) => REFUSED_BY_ANOTHER,
            (Source::Unknown, 500..) => {
                unclear("the proxy cannot ask the gate, or the upstream is away")
            }
            (Source::Unknown, 404) => {
                unclear("the proxy has no route for it, or the upstream has nothing there")
            }
            (Source::Unknown, _) => fine("it is not refused"),
        }
    }

    /// A request without a token, for what needs one.
    pub fn of_private(&self) -> Meaning {
        match (self.source(), self.status) {
            (Source::Gate, 503) => GATE_CANNOT_JUDGE,
            (Source::Gate, _) => fine("the gate refuses it without a token"),
            (Source::Upstream, _) => open(
                "the upstream has answered a request without a token: the gate is not asked, or its answer is not \
                 what happens; examine the proxy's configuration with `portcullis doctor FILE`",
            ),
            (Source::Unknown, _) if self.is_success() => open(
                "it is answered without a token: the gate is not asked, or its answer is not what happens; examine \
                 the proxy's configuration with `portcullis doctor FILE`",
            ),
            (Source::Unknown, 400 | 401 | 403) => REFUSED_BY_ANOTHER,
            (Source::Unknown, 500..) => {
                unclear("the proxy cannot ask the gate, or the upstream is away")
            }
            (Source::Unknown, _) if self.is_redirect() => unclear(
                "the proxy redirects, which is not followed: name the address that it redirects to",
            ),
            (Source::Unknown, _) => unclear(
                "it is not refused, and nobody says who has answered: the proxy may have no route for it",
            ),
        }
    }

    /// Another spelling of a private path, without a token.
    pub fn of_way_around(&self, refused_by: RefusedBy) -> Meaning {
        match (self.source(), self.status) {
            (Source::Gate, 503) => GATE_CANNOT_JUDGE,
            (Source::Gate, _) => fine("the gate refuses it"),
            (Source::Upstream, _) => open(
                "this spelling has reached the upstream without a token: the gate is not asked for it",
            ),
            (Source::Unknown, _) if self.is_success() => open(match refused_by {
                RefusedBy::ThePolicy => {
                    "this spelling is answered without a token, and the policy does not list it"
                }
                RefusedBy::Assumption => {
                    "this spelling is answered without a token, and no policy was named that lists it"
                }
            }),
            (Source::Unknown, 400..=403) => fine("it is refused before the upstream"),
            (Source::Unknown, _) if self.is_redirect() => fine("the proxy redirects instead"),
            (Source::Unknown, 500..) => {
                unclear("the proxy cannot ask the gate, or the upstream is away")
            }
            (Source::Unknown, _) => {
                unseen("it is not refused, and nothing shows that the upstream has answered")
            }
        }
    }

    /// Any request, while the gate is stopped.
    pub fn of_stopped(&self) -> Meaning {
        match (self.source(), self.status) {
            (Source::Gate, _) => STILL_RUNNING,
            (Source::Upstream, _) => FAILS_OPEN,
            (Source::Unknown, 403 | 500 | 503) => fine("without the gate the proxy refuses"),
            (Source::Unknown, _) if self.is_success() => FAILS_OPEN,
            (Source::Unknown, _) => {
                unclear("nobody says who has answered: an answer of the proxy is 403 or 503")
            }
        }
    }
}

/// What the answer to a request with a caller's own identity headers shows.
pub fn of_identity(shows_identity: bool, shows_other_header: bool) -> Meaning {
    match (shows_identity, shows_other_header) {
        (true, _) => open(
            "an identity header that the caller wrote has reached the upstream, which takes the caller for \
             anybody: the gate's answer is not applied, or it is not asked on this route",
        ),
        (false, true) => {
            fine("the answer shows the request's headers, and not the caller's identity headers")
        }
        (false, false) => unseen(
            "the answer does not show the request's headers, so this cannot be seen from outside",
        ),
    }
}

/// A gate has answered that should be stopped, so that other answers say nothing.
pub const STILL_RUNNING: Meaning =
    unclear("a gate has answered: stop it, and all others that this proxy asks");

const GATE_CANNOT_JUDGE: Meaning =
    unclear("the gate answers and cannot judge: keys or revocations are missing (`/status`)");

const REFUSED_BY_ANOTHER: Meaning = unclear(
    "it is refused, and not by the gate: the gate could not be asked, or another filter or the upstream refuses",
);

const FAILS_OPEN: Meaning = open(
    "the proxy lets requests through while the gate is stopped: set `failure_mode_allow: false` (`failOpen: false`)",
);

const fn fine(words: &'static str) -> Meaning {
    Meaning {
        standing: Standing::Fine,
        words,
    }
}

const fn open(words: &'static str) -> Meaning {
    Meaning {
        standing: Standing::Open,
        words,
    }
}

const fn unclear(words: &'static str) -> Meaning {
    Meaning {
        standing: Standing::Unclear,
        words,
    }
}

const fn unseen(words: &'static str) -> Meaning {
    Meaning {
        standing: Standing::Unseen,
        words,
    }
}

/// Other spellings of a private path that a proxy or an upstream may take for it: what is done, and the
/// path. `public` is a path that is open, in front of which some of them begin.
pub fn ways_around(private: &str, public: &str) -> Vec<(&'static str, String)> {
    let rest = private.strip_prefix('/').unwrap_or(private);
    let open = public.trim_end_matches('/');
    let up = |dots: &str| {
        let segments = open.matches('/').count().max(1);
        format!("{open}{}{private}", format!("/{dots}").repeat(segments))
    };
    let mut ways = vec![
        ("doubled slash", format!("//{rest}")),
        (
            "slash at the end",
            format!("{}/", private.trim_end_matches('/')),
        ),
        ("dot segment", format!("/./{rest}")),
        ("dot segments after a public path", up("..")),
        ("encoded dot segments after a public path", up("%2e%2e")),
        ("path parameter", format!("{private};x=1")),
    ];
    if let Some(first) = rest.chars().next().filter(char::is_ascii_alphabetic) {
        let after = rest.get(1..).unwrap_or_default();
        ways.push((
            "encoded letter",
            format!("/%{:02x}{after}", u32::from(first)),
        ));
    }
    if let Some((before, after)) = rest.rsplit_once('/') {
        ways.push(("encoded slash", format!("/{before}%2f{after}")));
        ways.push(("backslash", format!("/{before}\\{after}")));
    }
    let upper = private.to_ascii_uppercase();
    if upper != private {
        ways.push(("upper case", upper));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::Standing::{Fine, Open, Unclear, Unseen};
    use super::*;

    #[test]
    fn what_an_answer_means_depends_on_who_gave_it() {
        let answer = |status, by: &str| LiveAnswer {
            status,
            decision_id: by.contains("gate").then(|| "0123456789abcdef".to_owned()),
            from_upstream: by.starts_with("upstream"),
            challenge: None,
        };
        // Status, by whom: as public, private, a way around, and with the gate stopped.
        for (status, by, expected) in [
            (200, "upstream", [Fine, Open, Open, Open]),
            (404, "upstream", [Fine, Open, Open, Open]),
            (403, "upstream", [Fine, Open, Open, Open]),
            (200, "", [Fine, Open, Open, Open]),
            // The upstream writes what the gate would.
            (200, "gate", [Fine, Open, Open, Open]),
            (403, "upstream as a gate", [Fine, Open, Open, Open]),
            (401, "gate", [Unclear, Fine, Fine, Unclear]),
            (403, "gate", [Unclear, Fine, Fine, Unclear]),
            (400, "gate", [Unclear, Fine, Fine, Unclear]),
            (503, "gate", [Unclear, Unclear, Unclear, Unclear]),
            (403, "", [Unclear, Unclear, Fine, Fine]),
            (401, "", [Unclear, Unclear, Fine, Unclear]),
            (503, "", [Unclear, Unclear, Unclear, Fine]),
            (404, "", [Unclear, Unclear, Unseen, Unclear]),
            (301, "", [Fine, Unclear, Fine, Unclear]),
        ] {
            let answer = answer(status, by);
            let got = [
                answer.of_public(),
                answer.of_private(),
                answer.of_way_around(RefusedBy::Assumption),
                answer.of_stopped(),
            ];
            assert_eq!(
                got.map(|meaning| meaning.standing),
                expected,
                "{status} {by}"
            );
        }
        let open = LiveAnswer {
            status: 200,
            ..LiveAnswer::default()
        };
        for (by, expected) in [
            (RefusedBy::ThePolicy, "the policy does not list it"),
            (RefusedBy::Assumption, "no policy was named that lists it"),
        ] {
            let words = open.of_way_around(by).words;
            assert!(words.ends_with(expected), "{words}");
        }
        assert_eq!(of_identity(true, true).standing, Open);
        assert_eq!(of_identity(false, true).standing, Fine);
        assert_eq!(of_identity(false, false).standing, Unseen);
    }

    #[test]
    fn ways_around_are_other_spellings_of_the_same_path() {
        let ways = ways_around("/orders/1", "/products");
        let paths: Vec<&str> = ways.iter().map(|(_, path)| path.as_str()).collect();
        let expected = [
            "//orders/1",
            "/orders/1/",
            "/./orders/1",
            "/products/../orders/1",
            "/products/%2e%2e/orders/1",
            "/orders/1;x=1",
            "/%6frders/1",
            "/orders%2f1",
            "/orders\\1",
            "/ORDERS/1",
        ];
        assert_eq!(paths, expected);
        assert!(
            ways_around("/", "/")
                .iter()
                .all(|(_, path)| path.starts_with('/'))
        );
    }
}
