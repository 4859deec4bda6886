//! A client of the feed takes the place of another: nothing that was enforced is forgotten.

use std::time::Duration;

use super::Knowledge;
use crate::feed::snapshot_file::Saved;
use crate::feed::wire::ROWS_PER_FRAME;

impl Knowledge {
    /// Knows what `earlier` knows, which changes no more: what it would still take, and check tokens by,
    /// would be lost with it. What an issuer sends it from now on comes again, after the cursor.
    pub(in crate::feed) fn succeed(&self, earlier: &Self) {
        let (saved, age) = earlier.close();
        // Before the rest, as for a file; and all of them, because they have been enforced, whether or
        // not the keys of their subscription counted.
        for rows in earlier.list.chunks(ROWS_PER_FRAME) {
            self.list.extend(&rows);
        }
        let own = self.age();
        if let Some(age) = age
            && own.is_none_or(|own| age <= own)
        {
            self.take_over(&saved, age);
        }
    }

    /// Changes nothing from now on; what is known, but for the rows, and how old it is.
    fn close(&self) -> (Saved, Option<Duration>) {
        let mut progress = self.progress.lock();
        progress.is_closed = true;
        // Under the lock: a heartbeat that is being heard must not make it newer than it is.
        (self.saved_at(&progress), self.age())
    }
}
