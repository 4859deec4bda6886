//! What a source asks of a request: a formula over tests of the request and of its token.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::template::{PathTest, Template};
use super::text::{Reason, TextMatch, TextTest};

#[derive(Debug, Clone)]
pub(super) enum Formula {
    True,
    False,
    Test(Test),
    /// Something that a policy cannot say. It may hold or not.
    Unknown(Reason),
    Not(Rc<Formula>),
    All(Vec<Formula>),
    Any(Vec<Formula>),
    /// The second of the first pair whose first holds.
    First {
        cases: Vec<(Formula, Formula)>,
        otherwise: Rc<Formula>,
    },
    /// Where tokens of these issuers have been looked at, perhaps of those, and of no others: see
    /// [`Test::Payload`].
    Verified {
        issuers: Rc<BTreeSet<Rc<str>>>,
        perhaps: Rc<BTreeSet<Rc<str>>>,
        body: Rc<Formula>,
    },
    Shared(Rc<Formula>),
    /// Something that holds where the first does, and fails where the second does.
    Between {
        surely: Rc<Formula>,
        perhaps: Rc<Formula>,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Path(PathTest),
    Method(TextTest),
    /// In lower case, without port.
    Host(HostTest),
    /// A condition of a policy, which is an error or exactly what the source asks.
    Condition(Rc<str>),
    /// A valid token of this issuer.
    Issuer(Rc<str>),
    /// The same, if such tokens have been looked at.
    Payload(Rc<str>),
    /// No token at all, good or bad.
    NoToken,
}

#[derive(Debug, Clone)]
pub(super) enum HostTest {
    Text(TextTest),
    /// Some requests to this host; which ones, its port says.
    Port(String),
}

/// What a source takes from a host before it compares it. The gate takes all of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HostView {
    pub(super) removes_port: bool,
    /// The dot at the end.
    pub(super) removes_dot: bool,
    pub(super) ignores_case: bool,
}

impl HostView {
    pub(super) fn is_ours(self) -> bool {
        self.removes_port && self.removes_dot && self.ignores_case
    }
}

impl HostTest {
    /// A test of the host as sources write it, perhaps with a port.
    pub(super) fn new(test: TextTest) -> Result<Self, Reason> {
        use super::text::TextMatch::{Exact, Prefix};
        let operand = test.operand().to_ascii_lowercase();
        let is_name = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        if is_name(&operand) && operand.len() <= 253 {
            return Ok(Self::Text(test.ignoring_case()));
        }
        match (&test.how, operand.split_once(':')) {
            (Exact(_) | Prefix(_), Some((host, _))) if is_name(host) => {
                Ok(Self::Port(host.trim_end_matches('.').to_owned()))
            }
            _ => {
                let shown = crate::problem::quoted(&operand);
                Err(format!("the host {shown} is not a name that routes can have").into())
            }
        }
    }
}

impl Formula {
    pub(super) fn not(formula: Self) -> Self {
        Self::Not(Rc::new(formula))
    }

    pub(super) fn path(test: PathTest) -> Self {
        Self::Test(Test::Path(test))
    }

    /// A test of the host by a source that may see more of it than the gate.
    pub(super) fn host_seen(test: TextTest, view: HostView) -> Self {
        let operand = test.operand().to_owned();
        if view.is_ours() || test.how == TextMatch::Present {
            return Self::host(test);
        }
        let reason: Reason = format!(
            "the source compares {} with the host as it is sent, with its port and its last dot, the gate without \
             them",
            crate::problem::quoted(&operand)
        )
        .into();
        let is_in_the_rest =
            operand.ends_with('.') || operand.bytes().all(|byte| byte.is_ascii_digit());
        let bare = TextTest::new(TextMatch::Exact(operand.trim_end_matches('.').to_owned()));
        let perhaps = match &test.how {
            TextMatch::Exact(_) => Self::host(bare),
            TextMatch::Prefix(_) if operand.ends_with('.') => {
                Self::Any(vec![Self::host(test.clone()), Self::host(bare)])
            }
            TextMatch::Suffix(_) | TextMatch::Contains(_) if is_in_the_rest => {
                return Self::Unknown(reason);
            }
            _ => Self::host(test.clone()),
        };
        let is_kept = matches!(test.how, TextMatch::Prefix(_) | TextMatch::Contains(_));
        if matches!(perhaps, Self::Unknown(_)) {
            return perhaps;
        }
        let by_name = Self::host(test);
        let surely = if is_kept && view.ignores_case {
            by_name
        } else {
            Self::All(vec![by_name, Self::Unknown(reason)])
        };
        Self::Between {
            surely: Rc::new(surely),
            perhaps: Rc::new(perhaps),
        }
    }

    /// A test of the host without port and without a dot at the end.
    pub(super) fn host(test: TextTest) -> Self {
        match HostTest::new(test) {
            Ok(test) => Self::Test(Test::Host(test)),
            Err(reason) => Self::Unknown(reason),
        }
    }

    pub(super) fn condition(text: impl Into<Rc<str>>) -> Self {
        Self::Test(Test::Condition(text.into()))
    }

    /// Calls `f` with every test.
    pub(super) fn each_test<'f>(&'f self, f: &mut impl FnMut(&'f Test)) {
        let mut seen = BTreeSet::new();
        self.each(&mut seen, f);
    }

    fn each<'f>(&'f self, seen: &mut BTreeSet<*const Self>, f: &mut impl FnMut(&'f Test)) {
        match self {
            Self::True | Self::False | Self::Unknown(_) => {}
            Self::Test(test) => f(test),
            Self::Not(inner) | Self::Shared(inner) | Self::Verified { body: inner, .. } => {
                if seen.insert(Rc::as_ptr(inner)) {
                    inner.each(seen, f);
                }
            }
            Self::Between { surely, perhaps } => {
                surely.each(seen, f);
                perhaps.each(seen, f);
            }
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.each(seen, f);
                }
            }
            Self::First { cases, otherwise } => {
                for (case, then) in cases {
                    case.each(seen, f);
                    then.each(seen, f);
                }
                otherwise.each(seen, f);
            }
        }
    }

    /// Every template that its tests of paths need.
    pub(super) fn templates(&self) -> BTreeSet<Template> {
        let mut templates = BTreeSet::new();
        self.each_test(&mut |test| {
            if let Test::Path(test) = test {
                templates.extend(test.templates());
            }
        });
        templates
    }
}
