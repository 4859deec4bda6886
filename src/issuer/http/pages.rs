//! The pages for people: the portal, where users and their apps are at home, and the panel of administrators.
//!
//! HTML that works without script. Each page is a route of `policy.yaml`, and `guard` asks the same
//! [`Authorizer`](crate::authorizer::Authorizer) as everywhere, with a token that it makes of the browser's
//! session for this one request. A form calls the functions of the directory that an endpoint calls: no page
//! has rules of its own. `words` has what the pages say, in each language.

mod access;
mod account;
mod answer;
mod apps;
mod assets;
mod boxes;
mod confirmation;
mod counts;
mod form;
mod frame;
mod guard;
mod language;
mod language_choice;
mod log_in;
mod messages;
mod own_scopes;
mod page_error;
mod panel;
mod passkeys;
mod proof;
mod purpose;
mod reasons;
mod refusal;
mod reset;
mod sessions;
mod sign_ins;
mod sign_up;
mod start;
mod switch;
mod timed;
mod told;
mod trial;
mod tried;
mod verdict;
mod visitor;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::observation;
use super::pacing;
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;

pub(super) use answer::{OF_AN_APP, OPENER_POLICY};
pub(in crate::issuer) use apps::once::MadeApps;
pub(in crate::issuer) use assets::Look;
pub(super) use language::Language;
pub(super) use language_choice::{LanguageChoice, PageAddress};
pub(super) use messages::{Reason, message};
pub(super) use own_scopes::sentence as sentence_of_scope;
pub(super) use page_error::PageError;
pub(super) use passkeys::Onward;
pub(in crate::issuer) use passkeys::TicketKey;
pub(super) use passkeys::step::{after_password, alone};
pub(super) use sign_up::PATH as SIGN_UP_PATH;
pub(in crate::issuer) use told::ToldKey;
pub(in crate::issuer) use trial::Offers;
pub(super) use visitor::Visitor;
pub(super) use words::passkey::PasskeyWords;

/// Each path with its methods; `policy.yaml` says who may open it.
fn table() -> Vec<(&'static str, MethodRouter<Arc<Issuer>>)> {
    let mut table = vec![
        ("/", get(start::show)),
        ("/portal", get(start::redirect)),
        ("/portal/", get(start::nothing)),
        ("/portal/{*rest}", get(start::nothing)),
        ("/panel/", get(start::nothing)),
        ("/panel/{*rest}", get(start::nothing)),
        (assets::PATH, get(assets::show)),
        (sign_up::PATH, get(sign_up::show).post(sign_up::submit)),
        (log_in::PATH, get(log_in::show).post(log_in::submit)),
        // Opened by its address it does nothing.
        (
            log_in::LOG_OUT_PATH,
            get(start::redirect).post(log_in::log_out),
        ),
        (
            language_choice::PATH,
            get(start::redirect).post(language_choice::choose),
        ),
        (assets::FAVICON_PATH, get(assets::no_icon)),
        (reset::PATH, get(reset::show).post(reset::submit)),
    ];
    table.extend(passkeys());
    table.extend(portal());
    table.extend(administration());
    table
}

/// What users log in by.
fn passkeys() -> [(&'static str, MethodRouter<Arc<Issuer>>); 8] {
    use passkeys::step;
    [
        ("/portal/log-in/passkey", post(step::passkey)),
        ("/portal/log-in/recovery", post(step::recovery)),
        ("/portal/log-in/first-passkey", post(passkeys::submit_first)),
        (passkeys::PATH, get(passkeys::list)),
        ("/portal/passkeys/new", post(passkeys::ask)),
        ("/portal/passkeys/add", post(passkeys::add)),
        ("/portal/passkeys/codes", post(passkeys::replace_codes)),
        (
            "/portal/passkeys/{id}/remove",
            get(passkeys::show_remove).post(passkeys::remove),
        ),
    ]
}

/// What users do with their own apps, access and account.
fn portal() -> [(&'static str, MethodRouter<Arc<Issuer>>); 16] {
    [
        (trial::PATH, get(trial::show).post(trial::submit)),
        (apps::PATH, get(apps::list)),
        (apps::NEW_PATH, get(apps::new::show).post(apps::new::submit)),
        ("/portal/apps/{app_key}", get(apps::one::show)),
        (
            "/portal/apps/{app_key}/edit",
            get(apps::edit::show).post(apps::edit::submit),
        ),
        (
            "/portal/apps/{app_key}/rotate",
            get(apps::rotate::show).post(apps::rotate::submit),
        ),
        (
            "/portal/apps/{app_key}/status",
            get(apps::status::show).post(apps::status::submit),
        ),
        (
            "/portal/apps/{app_key}/delete",
            get(apps::delete::show).post(apps::delete::submit),
        ),
        (access::PATH, get(access::list)),
        (
            access::END_ALL_PATH,
            get(access::show_end_all).post(access::end_all),
        ),
        (
            "/portal/access/{id}/end",
            get(access::show_end).post(access::end),
        ),
        (account::PATH, get(account::show)),
        (
            "/portal/account/email",
            get(account::email::show).post(account::email::submit),
        ),
        (
            "/portal/account/password",
            get(account::password::show).post(account::password::submit),
        ),
        (sign_ins::PATH, get(sign_ins::show)),
        (sessions::PATH, get(sessions::list).post(sessions::end)),
    ]
}

/// What administrators do.
fn administration() -> [(&'static str, MethodRouter<Arc<Issuer>>); 29] {
    use panel::{
        app, apps, audit, components, gates, keys, policy, revoke, role, roles, scope, scopes,
        user, users, who,
    };
    [
        (panel::PATH, get(panel::show)),
        (roles::PATH, get(roles::list)),
        (
            roles::NEW_PATH,
            get(roles::show_new).post(roles::submit_new),
        ),
        ("/panel/roles/{name}", get(role::show).post(role::submit)),
        (
            "/panel/roles/{name}/default",
            get(role::show_default).post(role::choose_default),
        ),
        (
            "/panel/roles/{name}/delete",
            get(role::show_delete).post(role::delete),
        ),
        (users::PATH, get(users::list)),
        (
            users::NEW_PATH,
            get(users::show_new).post(users::submit_new),
        ),
        (
            "/panel/users/{username}",
            get(user::show).post(user::submit),
        ),
        (
            "/panel/users/{username}/status",
            get(user::show_status).post(user::change_status),
        ),
        (
            "/panel/users/{username}/password",
            get(user::show_password).post(user::replace_password),
        ),
        (
            "/panel/users/{username}/delete",
            get(user::show_delete).post(user::delete),
        ),
        (scopes::PATH, get(scopes::list)),
        (
            scopes::NEW_PATH,
            get(scopes::show_new).post(scopes::submit_new),
        ),
        ("/panel/scopes/{name}", get(scope::show).post(scope::submit)),
        (
            "/panel/scopes/{name}/delete",
            get(scope::show_delete).post(scope::delete),
        ),
        (policy::PATH, get(policy::show)),
        (components::PATH, get(components::show)),
        (who::PATH, get(who::show)),
        (audit::PATH, get(audit::list)),
        (audit::EXPORT_PATH, get(audit::export)),
        (keys::PATH, get(keys::show)),
        (keys::ROTATE_PATH, get(keys::show_rotate).post(keys::rotate)),
        (gates::PATH, get(gates::list)),
        (revoke::PATH, get(revoke::show).post(revoke::submit)),
        (apps::PATH, get(apps::list)),
        ("/panel/apps/{app_key}", get(app::show)),
        (
            "/panel/apps/{app_key}/status",
            get(app::show_status).post(app::change_status),
        ),
        (
            "/panel/apps/{app_key}/delete",
            get(app::show_delete).post(app::delete),
        ),
    ]
}

/// The paths of all pages.
pub fn pages() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

/// For a browser at a path where nothing is.
pub(super) fn nothing(
    issuer: &Arc<Issuer>,
    request: &Request,
) -> impl Future<Output = Response> + use<> {
    let mut visitor = Visitor::from_outside(issuer, request.headers());
    visitor.address = PageAddress::of_request(request.method(), request.uri());
    async move {
        let error = EndpointError::NotFound.into();
        refusal::answer(&visitor, &Method::GET, None, &error).await
    }
}

/// The pages within their own layers; those of all endpoints come around them.
pub(super) fn router(issuer: &Arc<Issuer>) -> Router<Arc<Issuer>> {
    let mut router = Router::new();
    for (path, methods) in table() {
        router = router.route(path, methods);
    }
    // `pace_page` and `audit` need the caller, whom `guard` finds.
    router
        .method_not_allowed_fallback(async || PageError::from(EndpointError::MethodNotAllowed))
        .layer(from_fn_with_state(Arc::clone(issuer), pacing::pace_page))
        .layer(from_fn_with_state(Arc::clone(issuer), observation::audit))
        .layer(from_fn_with_state(Arc::clone(issuer), guard::guard))
}
