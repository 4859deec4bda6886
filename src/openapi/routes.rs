//! The routes for what operations ask for, host by host and each with a name of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::NewRoute;
use super::places::{Claim, Places, Slot, TooManyMeets};

/// The longest name of a route.
const MAX_NAME_BYTES: usize = 64;

/// An operation at one path of these hosts; of every host where there is none.
#[derive(Debug)]
pub(super) struct HostedClaim {
    pub(super) hosts: Vec<String>,
    pub(super) claim: Claim,
}

/// A route without its name.
struct Unnamed {
    slot: Slot,
    template: String,
    hosts: Vec<String>,
}

/// By what a route is found among the others: of those that have it in common there are few.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    template: String,
    method: String,
    order: usize,
}

impl Key {
    fn of(route: &Unnamed) -> Self {
        Self {
            template: route.template.clone(),
            method: route.slot.method.clone(),
            order: route.slot.order,
        }
    }
}

pub(super) fn routes(
    claims: &[HostedClaim],
    notes: &mut Vec<String>,
) -> Result<Vec<NewRoute>, TooManyMeets> {
    let everywhere: Vec<&Claim> = claims
        .iter()
        .filter(|one| one.hosts.is_empty())
        .map(|one| &one.claim)
        .collect();
    let mut unnamed = of_hosts(&everywhere, &[], notes)?;
    let shared = unnamed.len();
    // There may be thousands for each of many hosts.
    let mut known: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (position, route) in unnamed.iter().enumerate() {
        known.entry(Key::of(route)).or_default().push(position);
    }
    for (positions, hosts) in hosts_by_claims(claims) {
        let own = positions
            .iter()
            .filter_map(|position| claims.get(*position));
        let own = own.map(|one| &one.claim);
        let all: Vec<&Claim> = everywhere.iter().copied().chain(own).collect();
        let mut told = Vec::new();
        for route in of_hosts(&all, &hosts, &mut told)? {
            let alike = known.entry(Key::of(&route)).or_default();
            let mut same = alike.iter().copied();
            let same = same.find(|position| {
                let known = unnamed.get(*position);
                known.is_some_and(|known| known.slot.asked == route.slot.asked)
            });
            match same {
                // The table of a host has the routes without hosts as well.
                Some(position) if position < shared => {}
                Some(position) => {
                    if let Some(known) = unnamed.get_mut(position) {
                        known.hosts.extend(route.hosts);
                    }
                }
                None => {
                    alike.push(unnamed.len());
                    unnamed.push(route);
                }
            }
        }
        for note in told {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Ok(named(unnamed))
}

fn named(mut unnamed: Vec<Unnamed>) -> Vec<NewRoute> {
    unnamed.sort_by_key(|one| (one.slot.is_copy, one.slot.order));
    let mut names = BTreeSet::new();
    let routes = unnamed.into_iter().map(|mut one| {
        one.hosts.sort();
        NewRoute {
            name: unique(&one.slot.name, &mut names),
            hosts: one.hosts,
            method: one.slot.method,
            path: one.template,
            asked: one.slot.asked,
        }
    });
    routes.collect()
}

/// Hosts that have the same operations, with the positions of these.
fn hosts_by_claims(claims: &[HostedClaim]) -> BTreeMap<Vec<usize>, Vec<String>> {
    let mut by_host: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, one) in claims.iter().enumerate() {
        for host in &one.hosts {
            by_host.entry(host).or_default().push(position);
        }
    }
    let mut grouped: BTreeMap<Vec<usize>, Vec<String>> = BTreeMap::new();
    for (host, positions) in by_host {
        grouped.entry(positions).or_default().push(host.to_owned());
    }
    grouped
}

fn of_hosts(
    claims: &[&Claim],
    hosts: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<Unnamed>, TooManyMeets> {
    let (places, told) = Places::of(claims)?.into_routes();
    notes.extend(told);
    let routes = places.into_iter().flat_map(|place| {
        let template = place.template;
        place.slots.into_values().map(move |slot| Unnamed {
            slot,
            template: template.clone(),
            hosts: hosts.to_vec(),
        })
    });
    Ok(routes.collect())
}

/// The name in the letters that a policy takes; each once.
fn unique(written: &str, names: &mut BTreeSet<String>) -> String {
    let mut name = String::new();
    for character in written
        .chars()
        .filter(|character| !"{}".contains(*character))
    {
        let is_plain = character.is_ascii_alphanumeric() || "._-".contains(character);
        if is_plain {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(MAX_NAME_BYTES);
    let trimmed = name.trim_end_matches('-');
    let name = if trimmed.is_empty() {
        "operation"
    } else {
        trimmed
    };
    let mut unique = name.to_owned();
    let mut number = 2;
    while !names.insert(unique.clone()) {
        let suffix = format!("-{number}");
        let kept = name.get(..name.len().min(MAX_NAME_BYTES - suffix.len()));
        unique = format!("{}{suffix}", kept.unwrap_or_default());
        number += 1;
    }
    unique
}
