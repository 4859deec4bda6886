//! Boxes of what somebody has, some of which an administrator ticks or clears.
//!
//! Each box that was ticked when the page was made says so in the form, so that a change is what the
//! administrator did, whatever others have done since, and what the page could not show stays.

use std::collections::HashSet;

use super::form::PageForm;
use super::own_scopes::sentence;
use super::page_error::PageError;
use super::visitor::Visitor;
use crate::identity::{ScopeName, ScopeSet};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::text::Text;
use crate::store::Page;

/// What the names of the boxes begin with.
const TICKED: &str = "box:";
const HAD: &str = "had:";

/// So many are shown: a form with more is longer than any that is read.
pub(super) const MAX_BOXES: usize = 150;

/// A box.
pub(super) struct TickBox {
    pub(super) name: Text<'static>,
    /// What it means; empty where the name says it.
    pub(super) sentence: Text<'static>,
    pub(super) had: bool,
    pub(super) is_ticked: bool,
}

/// What an administrator has ticked and cleared.
pub(super) struct Ticks {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// Boxes of scopes.
pub(super) struct ScopeBoxes {
    /// Those of the API.
    pub(super) api: Vec<TickBox>,
    /// Those that open the issuer itself.
    pub(super) own: Vec<TickBox>,
    /// Whether there are scopes without a box.
    pub(super) has_more: bool,
}

impl Ticks {
    /// Boxes for what something has, before those for the rest of the catalogue.
    pub(super) async fn scope_boxes(
        &self,
        visitor: &Visitor,
        access: &DirectoryAccess,
        held: &ScopeSet,
    ) -> Result<ScopeBoxes, PageError> {
        let first: ScopeSet = held.iter().take(MAX_BOXES).cloned().collect();
        let described = access.issuer.store.describe_scopes(&first).await?;
        let tick_box = |name: &ScopeName, stored: &str, has| {
            let sentence = sentence(visitor.language, name.as_str(), stored);
            (name.is_own(), self.tick_box(name.as_str(), sentence, has))
        };
        let mut boxes: Vec<(bool, TickBox)> = described
            .iter()
            .map(|(name, stored)| tick_box(name, stored, true))
            .collect();
        let catalogue = access.directory().scopes(&Page::first(MAX_BOXES)).await?;
        let others = catalogue.items.iter();
        let others: Vec<_> = others
            .filter(|scope| !held.contains(scope.name.as_str()))
            .collect();
        let space = MAX_BOXES.saturating_sub(boxes.len());
        let shown = others.iter().take(space);
        boxes.extend(shown.map(|scope| tick_box(&scope.name, scope.description.as_str(), false)));
        let (own, api): (Vec<_>, Vec<_>) = boxes.into_iter().partition(|(is_own, _)| *is_own);
        let alone = |boxes: Vec<(bool, TickBox)>| boxes.into_iter().map(|(_, one)| one).collect();
        Ok(ScopeBoxes {
            api: alone(api),
            own: alone(own),
            has_more: held.iter().count() > MAX_BOXES
                || others.len() > space
                || catalogue.next.is_some(),
        })
    }

    pub(super) fn of(form: &PageForm) -> Self {
        let (ticked, had) = (form.ticked(TICKED), form.ticked(HAD));
        let without = |names: &[String], others: &[String]| {
            // A form has room for thousands.
            let others: HashSet<&String> = others.iter().collect();
            let left = names.iter().filter(|name| !others.contains(name));
            left.cloned().collect()
        };
        Self {
            added: without(&ticked, &had),
            removed: without(&had, &ticked),
        }
    }

    /// A box for something that is there, or not.
    pub(super) fn tick_box(&self, name: &str, sentence: &str, has: bool) -> TickBox {
        let among = |names: &[String]| names.iter().any(|one| one == name);
        TickBox {
            name: Text::of(name.to_owned()),
            sentence: Text::of(sentence.trim().to_owned()),
            had: has,
            is_ticked: (has || among(&self.added)) && !among(&self.removed),
        }
    }

    /// With these ticked that nothing has yet.
    pub(super) fn adding(names: [&str; 2]) -> Self {
        Self {
            added: names.map(str::to_owned).to_vec(),
            removed: Vec::new(),
        }
    }

    /// Before anybody has done anything.
    pub(super) fn none() -> Self {
        Self {
            added: Vec::new(),
            removed: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::identity::Form;

    #[test]
    fn a_change_is_what_was_ticked_and_cleared() {
        let rows = [
            ("", "", ""),
            ("box:a=on&had:a=on", "", ""),
            ("box:a=on", "a", ""),
            ("had:a=on", "", "a"),
            ("box:a=on&box:b=on&had:b=on&had:c=on&name=x", "a", "c"),
        ];
        for (text, added, removed) in rows {
            let form = Form::parse(text.as_bytes()).unwrap();
            let ticks = Ticks::of(&PageForm(Arc::new(form)));
            assert_eq!(ticks.added.join(" "), added, "{text}");
            assert_eq!(ticks.removed.join(" "), removed, "{text}");
        }
    }
}
