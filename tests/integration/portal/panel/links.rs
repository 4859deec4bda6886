//! A link for a password is made together with what it is for, or nothing is.

use sqlx::AnyPool;

use super::{administrator, form, log_in, page, send};
use crate::portal::element;
use crate::test_browser::TestBrowser;
use crate::test_companion::{PASSWORD, TestCompanion, sqlite};

const NEW_USER: &str = "/panel/new-user";
const OF_ALICE: &str = "/panel/users/alice/password";

#[tokio::test]
async fn what_a_link_is_for_is_done_with_it_or_not_at_all() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let mut admin = administrator(&companion).await;
    let new_user = form(&page(&mut admin, NEW_USER).await, NEW_USER)
        .with("username", "carol")
        .with("email", "carol@shop.example");
    let replace = form(&page(&mut admin, OF_ALICE).await, OF_ALICE);
    sqlx::any::install_default_drivers();
    let url = sqlite(companion.path()).replacen("sqlite:", "sqlite://", 1);
    let database = AnyPool::connect(&url).await.unwrap();
    let no_links = "CREATE TRIGGER no_links BEFORE INSERT ON reset_links \
                    BEGIN SELECT RAISE(ABORT, 'no links'); END";
    sqlx::query(no_links).execute(&database).await.unwrap();
    for filled in [&new_user, &replace] {
        let answer = admin.submit(filled).await;
        assert!(answer.status >= 500, "{answer:?}");
    }
    assert_eq!(admin.get("/panel/users/carol").await.status, 404);
    log_in(&companion, "alice", PASSWORD).await;
    let audit = page(&mut admin, "/panel/audit").await;
    assert!(!audit.body.contains(">password replaced</td>"), "{audit:?}");

    let links = "DROP TRIGGER no_links";
    sqlx::query(links).execute(&database).await.unwrap();
    database.close().await;
    for filled in [&new_user, &replace] {
        let told = send(&mut admin, filled).await;
        let link = element(&told, "reset-link");
        let (_, path) = link.split_once("/portal/").unwrap();
        let mut anybody = TestBrowser::new(&companion);
        page(&mut anybody, &format!("/portal/{path}")).await;
    }
    let mut alice = TestBrowser::new(&companion);
    let login = form(&page(&mut alice, "/portal/log-in").await, "/portal/log-in")
        .with("username", "alice")
        .with("password", PASSWORD);
    let refused = alice.submit(&login).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let audit = page(&mut admin, "/panel/audit").await;
    let with_link = audit.body.matches("with a link for the password").count();
    assert_eq!(with_link, 2, "{audit:?}");
}
