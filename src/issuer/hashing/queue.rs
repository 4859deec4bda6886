//! What waits for a thread: in turns among those who are known where they are and all others, within
//! these among addresses, and within an address among accounts.
//!
//! Whoever brings much waits for itself: of two addresses each gets half of the work, however many
//! connections one of them has, and of two accounts at one address likewise. When the queue is full,
//! whoever brings most loses what it brought last, so that there is room for anybody who brings less;
//! of those who bring as much, whoever had its last turn last. So strangers, of whom anybody can make
//! as many as it likes, leave half of the queue to those who are known where they are; and who has had
//! no turn for long gets in among however many who come again and again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

use crate::issuer::throttle::{ClientAddress, LoginOrigin};

/// So many turns are remembered, of addresses and of accounts together.
const REMEMBERED_TURNS: usize = 16_384;

/// For whom a password is hashed.
#[derive(Debug, Clone, Hash)]
pub(super) struct Party {
    pub(super) place: LoginOrigin,
    /// Where the request comes from; none outside of requests.
    pub(super) address: Option<ClientAddress>,
    /// A user's id, or a name that no user has.
    pub(super) account: Box<str>,
}

/// A bounded queue of `T`.
pub(super) struct FairQueue<T> {
    places: Turns<LoginOrigin, Turns<PartyKey, Turns<PartyKey, VecDeque<T>>>>,
    last_turns: LastTurns,
    max_entries: usize,
}

/// A keyed hash of an address, or of an account at one, by what is known of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PartyKey(u64);

/// When addresses and accounts had their last turns.
struct LastTurns {
    turns: HashMap<PartyKey, u64>,
    turn: u64,
    hasher: RandomState,
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
            places: Turns::default(),
            last_turns: LastTurns {
                turns: HashMap::new(),
                turn: 0,
                hasher: RandomState::new(),
            },
            max_entries,
        }
    }

    /// Adds an entry, and returns the one for which there is no room: that, or another one.
    pub(super) fn push(&mut self, party: &Party, entry: T) -> Option<T> {
        let (place, [address, account]) = (party.place, self.last_turns.keys(party));
        self.places.change(place, |addresses| {
            addresses.change(address, |accounts| {
                accounts.change(account, |entries| entries.push_back(entry));
            });
        });
        if self.places.entries <= self.max_entries {
            return None;
        }
        // Whoever has just come gives way where all else is equal: the others wait already.
        let last_turn = |key: &PartyKey| self.last_turns.of(*key);
        // From the fullest lane on every level, and not from the end of the queue: whoever sends most
        // loses first, and somebody alone in a lane waits behind nobody's flood.
        let place = self.places.longest(place, |place| match place {
            LoginOrigin::Known => 0,
            LoginOrigin::New => 1,
        })?;
        let mut taken = None;
        self.places.change(place, |addresses| {
            if let Some(address) = addresses.longest(address, last_turn) {
                addresses.change(address, |accounts| {
                    if let Some(account) = accounts.longest(account, last_turn) {
                        // Its newest, because the oldest has waited longest and is next.
                        accounts.change(account, |entries| taken = entries.pop_back());
                    }
                });
            }
        });
        taken
    }

    /// Takes the entry whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, addresses) = self.places.next()?;
        let (address, accounts) = addresses.next()?;
        let (account, _) = accounts.next()?;
        self.last_turns.note([address, account]);
        self.places.take_next()
    }
}

impl LastTurns {
    /// Of the party's address and of its account.
    fn keys(&self, party: &Party) -> [PartyKey; 2] {
        let address = self.hasher.hash_one((party.place, party.address));
        [address, self.hasher.hash_one(party)].map(PartyKey)
    }

    /// Greater for later ones; nothing for whoever had none that is remembered.
    fn of(&self, key: PartyKey) -> u64 {
        self.turns.get(&key).copied().unwrap_or(0)
    }

    fn note(&mut self, keys: [PartyKey; 2]) {
        self.turn = self.turn.saturating_add(1);
        self.turns.extend(keys.map(|key| (key, self.turn)));
        if self.turns.len() > REMEMBERED_TURNS {
            // Two keys for each turn at most: at least half of the room is free afterwards.
            let kept = u64::try_from(REMEMBERED_TURNS / 4).unwrap_or(u64::MAX);
            let earliest = self.turn.saturating_sub(kept);
            self.turns.retain(|_, turn| *turn > earliest);
        }
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

impl<K: Copy + Eq + Hash, L: Lane> Turns<K, L> {
    /// Changes a lane, which begins with the first entry and ends with the last.
    fn change(&mut self, key: K, change: impl FnOnce(&mut L)) {
        let lane = self.lanes.entry(key).or_default();
        let before = lane.entries();
        change(lane);
        let after = lane.entries();
        self.entries = self.entries.saturating_sub(before).saturating_add(after);
        if after == 0 {
            // Empty lanes go at once: their number is that of those who wait, and not of all who ever
            // came.
            self.lanes.remove(&key);
            self.order.retain(|other| *other != key);
        } else if before == 0 {
            self.order.push_back(key);
        }
    }

    /// The lane with most entries; of equals that with the greatest `rank`; of these `preferred` if it
    /// is one, else the one whose turn comes last.
    fn longest(&self, preferred: K, rank: impl Fn(&K) -> u64) -> Option<K> {
        let entries = |key: &K| self.lanes.get(key).map_or(0, Lane::entries);
        let most = self.order.iter().map(entries).max()?;
        let longest = self.order.iter().filter(|key| entries(key) == most);
        longest
            .max_by_key(|key| (rank(key), **key == preferred))
            .copied()
    }

    /// The lane whose turn it is.
    fn next(&self) -> Option<(K, &L)> {
        let key = self.order.front().copied()?;
        Some((key, self.lanes.get(&key)?))
    }
}

impl<K: Copy + Eq + Hash, L: Lane> Lane for Turns<K, L> {
    type Entry = L::Entry;

    fn entries(&self) -> usize {
        self.entries
    }

    fn take_next(&mut self) -> Option<L::Entry> {
        let key = self.order.front().copied()?;
        let mut taken = None;
        self.change(key, |lane| taken = lane.take_next());
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
    use std::collections::HashSet;

    use super::*;
    use crate::issuer::throttle::TrustedProxies;

    fn party(address: u8, account: &str) -> Party {
        let peer = std::net::IpAddr::from([192, 0, 2, address]);
        let headers = axum::http::HeaderMap::new();
        Party {
            place: LoginOrigin::New,
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
            assert_eq!(queue.push(&party(address, account), entry), None);
        }
        assert_eq!(served(&mut queue), "a1 c1 b1 c2 a2 a3");
        assert_eq!(queue.push(&party(1, "a"), "again"), None);
        assert_eq!(served(&mut queue), "again");
    }

    #[test]
    fn who_brings_most_gives_way_and_who_came_last_of_equals() {
        let mut queue = FairQueue::new(4);
        for entry in ["a1", "a2", "a3", "a4"] {
            assert_eq!(queue.push(&party(1, "a"), entry), None);
        }
        assert_eq!(queue.push(&party(1, "a"), "a5"), Some("a5"));
        assert_eq!(queue.push(&party(2, "c"), "c1"), Some("a4"), "an address");
        assert_eq!(queue.push(&party(1, "b"), "b1"), Some("a3"), "an account");
        assert_eq!(queue.push(&party(2, "d"), "d1"), Some("a2"));
        // Two addresses with two entries each, and nobody has less.
        assert_eq!(queue.push(&party(1, "a"), "a6"), Some("a6"));
        assert_eq!(queue.push(&party(3, "e"), "e1"), Some("d1"));
        assert_eq!(served(&mut queue), "a1 c1 e1 b1");
    }

    #[test]
    fn nobody_is_kept_out_by_however_many_of_another() {
        let mut queue = FairQueue::new(8);
        let neighbours = [(1, "bobby"), (2, "bobby"), (2, "alice")];
        for (address, account) in neighbours {
            for _ in 0..100 {
                for _ in 0..20 {
                    queue.push(&party(1, "alice"), "alice");
                }
                let turned_away = queue.push(&party(address, account), "other");
                assert_eq!(turned_away, Some("alice"), "there is room");
                let turns = [queue.pop(), queue.pop(), queue.pop()];
                assert!(turns.contains(&Some("other")), "{turns:?}");
            }
            served(&mut queue);
        }
    }

    fn known(address: u8, account: &str) -> Party {
        Party {
            place: LoginOrigin::Known,
            ..party(address, account)
        }
    }

    #[test]
    fn who_is_known_at_its_place_is_kept_out_by_no_strangers() {
        let mut queue = FairQueue::new(64);
        for number in 0..1000_u32 {
            let [.., address] = number.to_be_bytes();
            let name = format!("name {number}");
            queue.push(&party(address, &name), "stranger");
            queue.push(&party(1, &name), "stranger");
            let turned_away = queue.push(&known(1, "alice"), "alice");
            let room = [None, Some("stranger")];
            assert!(room.contains(&turned_away), "{turned_away:?}");
            let turns = [queue.pop(), queue.pop()];
            assert!(turns.contains(&Some("alice")), "{turns:?}");
        }
    }

    #[test]
    fn strangers_have_their_turns_beside_who_is_known() {
        let mut queue = FairQueue::new(4);
        for entry in ["a1", "a2", "a3", "a4"] {
            assert_eq!(queue.push(&known(1, "a"), entry), None);
        }
        assert_eq!(queue.push(&party(1, "b"), "b1"), Some("a4"));
        assert_eq!(queue.push(&party(2, "c"), "c1"), Some("a3"));
        assert_eq!(queue.push(&party(3, "d"), "d1"), Some("d1"), "half of it");
        assert_eq!(served(&mut queue), "a1 b1 a2 c1");
    }

    /// Forty who are as well known try again as soon as they are turned away.
    #[test]
    fn who_had_no_turn_for_long_gets_in_among_however_many() {
        const ALICE: u8 = 200;
        let at_many = |number: u8| known(number, "attacker");
        let at_one = |number: u8| known(1, &format!("attacker {number}"));
        let rows: [(&dyn Fn(u8) -> Party, Party); 2] = [
            (&at_many, known(ALICE, "alice")),
            (&at_one, known(1, "alice")),
        ];
        for (attacker, alice) in rows {
            let mut queue = FairQueue::new(16);
            let mut waiting = HashSet::new();
            let mut turn = |queue: &mut FairQueue<u8>| {
                for number in 0..40 {
                    if waiting.insert(number)
                        && let Some(turned_away) = queue.push(&attacker(number), number)
                    {
                        assert_ne!(turned_away, ALICE);
                        waiting.remove(&turned_away);
                    }
                }
                let taken = queue.pop().unwrap();
                waiting.remove(&taken);
                taken
            };
            for _ in 0..10 {
                for _ in 0..80 {
                    turn(&mut queue);
                }
                assert_eq!(queue.push(&alice, ALICE), None);
                let mut turns = (0..16).map(|_| turn(&mut queue));
                assert!(turns.any(|taken| taken == ALICE));
            }
        }
    }

    #[test]
    fn the_turns_that_are_remembered_are_bounded() {
        let mut queue = FairQueue::new(4);
        for number in 0..20_000 {
            queue.push(&party(1, &format!("{number}")), "stranger");
            queue.pop();
            assert!(queue.last_turns.turns.len() <= REMEMBERED_TURNS);
        }
        assert!(queue.last_turns.turns.len() > REMEMBERED_TURNS / 8);
    }
}
