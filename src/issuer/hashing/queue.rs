//! What waits for a thread: in turns among addresses, and within an address among accounts.
//!
//! Whoever brings much waits for itself: of two addresses each gets half of the work, however many
//! connections one of them has, and of two accounts at one address likewise. When the queue is full,
//! whoever brings most loses what it brought last, so that there is room for anybody who brings less.

use std::collections::{HashMap, VecDeque};

use crate::issuer::throttle::ClientAddress;

/// For whom a password is hashed.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// Where the request comes from; none outside of requests.
    pub(super) address: Option<ClientAddress>,
    /// A user's id, or a name that no user has.
    pub(super) account: Box<str>,
}

/// A bounded queue of `T`.
pub(super) struct FairQueue<T> {
    addresses: Turns<Option<ClientAddress>, Turns<Box<str>, VecDeque<T>>>,
    max_entries: usize,
}

/// Lanes that take turns; none of them is empty.
struct Turns<K, L> {
    /// Whose turn comes next, each once.
    order: VecDeque<K>,
    lanes: HashMap<K, L>,
    entries: usize,
}

/// Entries that wait for one another.
trait Lane: Default {
    type Entry;

    fn entries(&self) -> usize;
    fn take_next(&mut self) -> Option<Self::Entry>;
}

impl<T> FairQueue<T> {
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            addresses: Turns::default(),
            max_entries,
        }
    }

    /// Adds an entry, and returns the one for which there is no room: that, or another one.
    pub(super) fn push(&mut self, party: Party, entry: T) -> Option<T> {
        let Party { address, account } = party;
        self.addresses.change(address, |accounts| {
            accounts.change(account.clone(), |entries| entries.push_back(entry));
        });
        if self.addresses.entries <= self.max_entries {
            return None;
        }
        // Whoever has just come gives way where several bring as much: the others wait already.
        let address = self.addresses.longest(address)?;
        let mut taken = None;
        self.addresses.change(address, |accounts| {
            if let Some(account) = accounts.longest(account) {
                accounts.change(account, |entries| taken = entries.pop_back());
            }
        });
        taken
    }

    /// Takes the entry whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.addresses.take_next()
    }
}

impl<K, L> Default for Turns<K, L> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            lanes: HashMap::new(),
            entries: 0,
        }
    }
}

impl<K: Clone + Eq + std::hash::Hash, L: Lane> Turns<K, L> {
    /// Changes a lane, which begins with the first entry and ends with the last.
    fn change(&mut self, key: K, change: impl FnOnce(&mut L)) {
        let lane = self.lanes.entry(key.clone()).or_default();
        let before = lane.entries();
        change(lane);
        let after = lane.entries();
        self.entries = self.entries.saturating_sub(before).saturating_add(after);
        if after == 0 {
            self.lanes.remove(&key);
            self.order.retain(|other| *other != key);
        } else if before == 0 {
            self.order.push_back(key);
        }
    }

    /// The lane with most entries; `preferred` if it has as many, else the one whose turn comes last.
    fn longest(&self, preferred: K) -> Option<K> {
        let entries = |key: &K| self.lanes.get(key).map_or(0, Lane::entries);
        let longest = self.order.iter().max_by_key(|key| entries(key))?;
        if entries(&preferred) == entries(longest) {
            return Some(preferred);
        }
        Some(longest.clone())
    }
}

impl<K: Clone + Eq + std::hash::Hash, L: Lane> Lane for Turns<K, L> {
    type Entry = L::Entry;

    fn entries(&self) -> usize {
        self.entries
    }

    fn take_next(&mut self) -> Option<L::Entry> {
        let key = self.order.front().cloned()?;
        let mut taken = None;
        self.change(key.clone(), |lane| taken = lane.take_next());
        // Whoever has more waits for its next turn.
        if self.order.front() == Some(&key) {
            self.order.rotate_left(1);
        }
        taken
    }
}

impl<T> Lane for VecDeque<T> {
    type Entry = T;

    fn entries(&self) -> usize {
        self.len()
    }

    fn take_next(&mut self) -> Option<T> {
        self.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::throttle::TrustedProxies;

    fn party(address: u8, account: &str) -> Party {
        let peer = std::net::IpAddr::from([192, 0, 2, address]);
        let headers = axum::http::HeaderMap::new();
        Party {
            address: Some(TrustedProxies::default().client(peer, &headers)),
            account: account.into(),
        }
    }

    /// Who is served, in this order.
    fn served(queue: &mut FairQueue<&'static str>) -> String {
        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();
        order.join(" ")
    }

    #[test]
    fn addresses_take_turns_and_within_each_accounts() {
        let mut queue = FairQueue::new(100);
        let brought = [
            (1, "a", "a1"),
            (1, "a", "a2"),
            (1, "a", "a3"),
            (1, "b", "b1"),
            (2, "c", "c1"),
            (2, "c", "c2"),
        ];
        for (address, account, entry) in brought {
            assert_eq!(queue.push(party(address, account), entry), None);
        }
        assert_eq!(served(&mut queue), "a1 c1 b1 c2 a2 a3");
        assert_eq!(queue.push(party(1, "a"), "again"), None);
        assert_eq!(served(&mut queue), "again");
    }

    #[test]
    fn who_brings_most_gives_way_and_who_came_last_of_equals() {
        let mut queue = FairQueue::new(4);
        for entry in ["a1", "a2", "a3", "a4"] {
            assert_eq!(queue.push(party(1, "a"), entry), None);
        }
        assert_eq!(queue.push(party(1, "a"), "a5"), Some("a5"));
        assert_eq!(queue.push(party(2, "c"), "c1"), Some("a4"), "an address");
        assert_eq!(queue.push(party(1, "b"), "b1"), Some("a3"), "an account");
        assert_eq!(queue.push(party(2, "d"), "d1"), Some("a2"));
        // Two addresses with two entries each, and nobody has less.
        assert_eq!(queue.push(party(1, "a"), "a6"), Some("a6"));
        assert_eq!(queue.push(party(3, "e"), "e1"), Some("d1"));
        assert_eq!(served(&mut queue), "a1 c1 e1 b1");
    }

    #[test]
    fn nobody_is_kept_out_by_however_many_of_another() {
        let mut queue = FairQueue::new(8);
        let neighbours = [(1, "bobby"), (2, "bobby"), (2, "alice")];
        for (address, account) in neighbours {
            for _ in 0..100 {
                for _ in 0..20 {
                    queue.push(party(1, "alice"), "alice");
                }
                let turned_away = queue.push(party(address, account), "other");
                assert_eq!(turned_away, Some("alice"), "there is room");
                let turns = [queue.pop(), queue.pop(), queue.pop()];
                assert!(turns.contains(&Some("other")), "{turns:?}");
            }
            served(&mut queue);
        }
    }
}
