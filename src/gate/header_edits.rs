//! What has to change in the headers of a request before its upstream sees it. All of it is decided
//! here, in one list, so that no front end can leave out a part.

use super::GateSettings;
use super::edit::HeaderEdit;
use super::identity_headers::{IdentityHeaders, likely_spellings};
use super::request::HeaderView;
use crate::token::VerifiedToken;

/// The edits that the settings alone determine, prepared once.
#[derive(Debug)]
pub struct HeaderPlan {
    identity: IdentityHeaders,
    /// Headers besides `Authorization` that hold tokens.
    token_headers: Box<[Box<str>]>,
    /// Whether every token is removed before the upstream.
    strip_token: bool,
    /// Spellings of identity and token headers that the caller may have sent unseen.
    hidden: Box<[String]>,
}

/// What the edits of one request depend on, besides its caller. Read by
/// [`Allowed::edits`](super::Allowed::edits) alone.
#[derive(Debug, Clone, Copy)]
pub struct EditSources<'o> {
    plan: &'o HeaderPlan,
    aliases: &'o [&'o [u8]],
    view: HeaderView,
}

impl HeaderPlan {
    pub fn new(settings: &GateSettings) -> Self {
        let identity = settings.identity_headers.clone();
        let token_headers = || settings.token_headers.iter();
        let token_spellings = token_headers().flat_map(|name| likely_spellings(name));
        let identity_spellings = identity.folded();
        Self {
            token_headers: token_headers().cloned().collect(),
            strip_token: settings.strip_token,
            hidden: identity_spellings
                .into_iter()
                .chain(token_spellings)
                .collect(),
            identity,
        }
    }

    /// For a request with these aliases among the headers that the proxy showed; `view` says whether
    /// those were all.
    pub fn sources<'o>(&'o self, aliases: &'o [&'o [u8]], view: HeaderView) -> EditSources<'o> {
        EditSources {
            plan: self,
            aliases,
            view,
        }
    }
}

impl<'o> EditSources<'o> {
    pub(super) fn edits(
        self,
        caller: Option<&'o VerifiedToken>,
    ) -> impl Iterator<Item = HeaderEdit<'o>> {
        let plan = self.plan;
        let authorization = plan.strip_token.then_some("authorization");
        // Upstreams trust a token header, because a proxy in front of them sets it once it has
        // authenticated the caller. One that was not verified must not reach them, not even on public
        // routes.
        let verified = caller.and_then(VerifiedToken::token_header);
        let unproven = move |name: &&str| plan.strip_token || verified != Some(*name);
        let token_headers = plan.token_headers.iter().map(|name| &**name);
        let tokens = authorization
            .into_iter()
            .chain(token_headers.filter(unproven));
        // Headers that the proxy does not show cannot be found here, and the upstream gets them all the
        // same: remove the likely spellings without having seen them.
        let hidden = match self.view {
            HeaderView::Filtered => &*plan.hidden,
            HeaderView::Whole => &[],
        };
        let hidden = hidden.iter().map(String::as_str);
        // Names fold to ASCII alone (`AliasFinder`), so that each of them can be named.
        let aliases = self.aliases.iter();
        let aliases = aliases.filter_map(|name| std::str::from_utf8(name).ok());
        let removed = tokens.chain(hidden).chain(aliases);
        plan.identity
            .edits(caller)
            .chain(removed.map(|name| HeaderEdit::Remove { name }))
    }
}
