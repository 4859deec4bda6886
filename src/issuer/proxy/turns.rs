//! Which calls may be under way: few of one user, so that nobody keeps the others out, and not too many of all.

use parking_lot::Mutex;

use super::TrialError;
use crate::identity::UserId;

/// So many calls of all users are under way at the same time; more are turned away at once.
pub(super) const MAX_AT_ONCE: usize = 16;

/// So many of one user.
pub(super) const MAX_OF_USER: usize = 2;

/// Whose calls are under way: a user is there once for each.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Vec<UserId>>);

/// Lasts as long as a call is under way.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    user: &'t UserId,
}

impl Turns {
    /// A turn, if there is one for this user.
    pub(super) fn take<'t>(&'t self, user: &'t UserId) -> Result<Turn<'t>, TrialError> {
        let mut under_way = self.0.lock();
        let own = under_way.iter().filter(|other| *other == user).count();
        // First: who has enough under way learns nothing of the others.
        if own >= MAX_OF_USER {
            return Err(TrialError::BusyWithOwn);
        }
        if under_way.len() >= MAX_AT_ONCE {
            return Err(TrialError::Busy);
        }
        under_way.push(user.clone());
        Ok(Turn { turns: self, user })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut under_way = self.turns.0.lock();
        if let Some(position) = under_way.iter().position(|other| other == self.user) {
            under_way.swap_remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_two_turns_and_all_together_have_sixteen() {
        let turns = Turns::default();
        let users: Vec<UserId> = (0..9).map(|n| UserId::known(&format!("u{n}"))).collect();
        let mut held = vec![turns.take(&users[0]).unwrap()];
        held.push(turns.take(&users[0]).unwrap());
        assert_eq!(turns.take(&users[0]).unwrap_err(), TrialError::BusyWithOwn);
        held.pop();
        held.push(turns.take(&users[0]).unwrap());
        for user in &users[1..8] {
            held.extend((0..MAX_OF_USER).map(|_| turns.take(user).unwrap()));
        }
        assert_eq!(held.len(), MAX_AT_ONCE);
        assert_eq!(turns.take(&users[8]).unwrap_err(), TrialError::Busy);
        assert_eq!(turns.take(&users[0]).unwrap_err(), TrialError::BusyWithOwn);
        drop(held);
        assert!(turns.take(&users[8]).is_ok());
    }
}
