//! `/panel/components`: each component of the pages once, for whoever sets a look or changes a component.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::boxes::{TickBox, Ticks};
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::ComponentWords;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/components";

/// As many as are filtered with script.
const ROWS: usize = 8;

#[derive(Template)]
#[template(path = "pages/components.html")]
struct ComponentsPage<'a> {
    frame: Frame<'a>,
    words: &'static ComponentWords,
    boxes: Vec<TickBox>,
    rows: Vec<Row>,
    next: Option<&'static str>,
}

struct Row {
    name: String,
    key: String,
    is_active: bool,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(visitor: Visitor) -> Response {
    let words = visitor.words();
    let ticks = Ticks::none();
    let rows = (1..=ROWS).map(|number| Row {
        name: format!("web-shop-{number}"),
        key: format!("4f2a9c0d{number}"),
        is_active: number % 3 > 0,
    });
    let page = ComponentsPage {
        frame: visitor.frame(),
        words: words.components,
        boxes: vec![
            ticks.tick_box("orders.read", words.components.one, true),
            ticks.tick_box("orders.write", words.components.other, false),
        ],
        rows: rows.collect(),
        next: Some(PATH),
    };
    answer::page(StatusCode::OK, &page)
}
