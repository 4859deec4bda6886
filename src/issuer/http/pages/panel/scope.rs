//! `/panel/scopes/{name}`: one scope: what it allows, and who has it.

use askama::Template;
use axum::response::Response;

use super::scopes::PATH;
use super::{below, policy, roles, with_values};
use crate::identity::{RoleName, Scope};
use crate::issuer::directory::{DirectoryError, ScopeUpdate};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{Confirmation, told_use, when_used};
use crate::issuer::http::pages::form::{PageForm, SEEN};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::Words;
use crate::issuer::http::routes::asking_for;
use crate::issuer::http::text::Text;
use crate::store::{Reach, ScopeReach};

#[derive(Template)]
#[template(path = "pages/scope.html")]
struct ScopePage<'a> {
    frame: Frame<'a>,
    path: &'a str,
    /// The mark of the scope, for forms.
    seen: &'a str,
    name: Text<'a>,
    sentence: Text<'a>,
    /// The roles that have it, with their pages for those who may see them.
    roles: Vec<(Option<String>, Text<'a>)>,
    concerned: String,
    /// How many apps follow an owner who has it.
    followers: i64,
    /// The routes in force that ask for it.
    routes: Routes,
    routes_path: Option<String>,
    /// Whether the issuer needs it.
    is_own: bool,
    error: Text<'a>,
}

/// Routes by their names: at most so many, and how many more there are.
struct Routes {
    names: Vec<String>,
    more: usize,
}

/// So many routes are named.
const MAX_NAMED: usize = 20;

impl Routes {
    /// Those of the gate in this process that ask for a scope; none where it has none.
    fn asking_for(visitor: &Visitor, scope: &str) -> Self {
        let in_force = visitor.issuer.in_force();
        let policy = in_force.as_ref().map(|snapshot| snapshot.policy());
        let mut names: Vec<String> = policy
            .iter()
            .flat_map(|policy| asking_for(policy, scope))
            .map(|route| route.name.to_string())
            .collect();
        let more = names.len().saturating_sub(MAX_NAMED);
        names.truncate(MAX_NAMED);
        Self { names, more }
    }

    fn in_words(&self, words: &Words) -> String {
        format!("{}{}", self.names.join(", "), words.and_more(self.more))
    }
}

/// A scope as a page is made about it.
struct Seen {
    mark: String,
    scope: Scope,
    reach: ScopeReach,
}

impl Seen {
    async fn named(access: &DirectoryAccess, name: &str) -> Result<Self, DirectoryError> {
        let directory = access.directory();
        let mark = directory.mark_of_scope(name).await?;
        let (scope, reach) = directory.scope_with_reach(name).await?;
        Ok(Self { mark, scope, reach })
    }
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let seen = Seen::named(&access, &name).await?;
    let sentence = seen.scope.description.as_str();
    Ok(page(&visitor, &access, &seen, sentence, &Remark::none()))
}

/// `POST`: what it allows, in other words.
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let update = ScopeUpdate {
        name: None,
        description: Some(form.trimmed("description")),
    };
    match directory.update_scope(form.named(&name), &update).await {
        Ok(_) => visitor.done(&below(PATH, &name), Done::ScopeChanged),
        Err(error) => {
            // What was written was meant for another scope then.
            let is_other = matches!(error, DirectoryError::Replaced { .. });
            let remark = visitor.remark(error)?;
            let seen = Seen::named(&access, &name).await?;
            let present = seen.scope.description.as_str();
            let sentence = if is_other {
                present
            } else {
                form.text("description")
            };
            Ok(page(&visitor, &access, &seen, sentence, &remark))
        }
    }
}

/// `GET {name}/delete`
pub(in crate::issuer::http::pages) async fn show_delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, PageError> {
    let seen = Seen::named(&access, &name).await?;
    Ok(deletion(&visitor, &seen, &below(PATH, &name)).ask(&visitor))
}

/// `POST {name}/delete`: also where it is used, if the page before has said so.
pub(in crate::issuer::http::pages) async fn delete(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(name): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.directory();
    let deleted = directory.delete_scope(form.named(&name), when_used(&form));
    match deleted.await {
        Ok(_) => visitor.done(PATH, Done::ScopeDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            let seen = Seen::named(&access, &name).await?;
            let path = below(PATH, &name);
            let confirmation = deletion(&visitor, &seen, &path);
            Ok(confirmation.ask_again(&visitor, &remark))
        }
    }
}

fn deletion<'a>(visitor: &Visitor, seen: &'a Seen, cancel: &'a str) -> Confirmation<'a> {
    let words = visitor.words();
    let Seen { mark, scope, reach } = seen;
    let names: Vec<&str> = reach.roles.iter().map(RoleName::as_str).collect();
    let mut texts = Vec::new();
    if !names.is_empty() {
        texts.push(format!(
            "{} {}",
            words.panel.is_taken_from,
            names.join(", ")
        ));
    }
    texts.push(
        visitor
            .language
            .concerned(reach.users, reach.apps + reach.followers),
    );
    let routes = Routes::asking_for(visitor, scope.name.as_str());
    if !routes.names.is_empty() {
        texts.push(format!(
            "{} {}",
            words.panel.routes_ask,
            routes.in_words(words)
        ));
    }
    texts.push(words.panel.tokens_end.to_owned());
    Confirmation {
        title: format!("{} {}", words.panel.delete_scope, scope.name.as_str()),
        texts,
        button: words.delete,
        fields: told_use(!names.is_empty() || reach.apps > 0)
            .into_iter()
            .chain([(SEEN, mark.as_str())])
            .collect(),
        cancel,
    }
}

fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    seen: &Seen,
    sentence: &str,
    remark: &Remark,
) -> Response {
    let Seen { mark, scope, reach } = seen;
    let sees_roles = access.caller.scopes.contains("backend.role");
    let roles = reach.roles.iter().map(|role| {
        let path = sees_roles.then(|| below(roles::PATH, role.as_str()));
        (path, Text::of(role.as_str()))
    });
    let name = scope.name.as_str();
    let page = ScopePage {
        frame: visitor.frame(),
        path: &below(PATH, scope.name.as_str()),
        seen: mark,
        name: Text::of(scope.name.as_str()),
        sentence: Text::of(sentence),
        roles: roles.collect(),
        concerned: visitor.language.used(Reach {
            users: reach.users,
            apps: reach.apps + reach.followers,
            ..Reach::default()
        }),
        followers: reach.followers,
        routes: Routes::asking_for(visitor, name),
        routes_path: sees_roles.then(|| with_values(policy::PATH, &[("search", name)])),
        is_own: scope.name.is_own(),
        error: Text::of(&*remark.text),
    };
    answer::page(remark.status, &page)
}
