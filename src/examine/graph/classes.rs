//! Into how many classes the constants of a policy set cut the values of each attribute: values of one class come out the
//! same in every test.

use crate::{
    check::{
        ir::{Atom, Ir, Members},
        vocabulary::{AttrId, Type},
    },
    value::{Cmp, Value},
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// Where an attribute's values are cut.
#[derive(Default)]
struct Cuts {
    /// First values of a class: the family of an address or 0, and the number.
    starts: BTreeSet<(u8, u128)>,
    /// Texts that are a class of their own.
    texts: BTreeSet<Arc<str>>,
    /// Whether a test cuts otherwise: patterns, windows, other attributes.
    otherwise: bool,
}

/// The classes of each attribute that rules test; none where they cannot be counted so: of sets, and where a pattern, a
/// window or another attribute is compared with.
pub(super) fn classes(ir: &Ir) -> BTreeMap<AttrId, Option<usize>> {
    let mut cuts: BTreeMap<AttrId, Cuts> = BTreeMap::new();
    for part in ir.rules.iter().flat_map(|rule| &rule.parts) {
        part.cond.atoms(&mut |atom| {
            for attr in atom.attributes() {
                cuts.entry(attr).or_default().add(atom);
            }
        });
    }
    let tiers = ir.vocabulary.tiers.len();
    cuts.into_iter().map(|(attr, cuts)| (attr, cuts.classes(&ir.vocabulary.attributes[attr].ty, tiers))).collect()
}

impl Cuts {
    fn add(&mut self, atom: &Atom) {
        match atom {
            Atom::Compare(_, op, value) => self.compare(*op, value),
            Atom::In(_, members) => self.members(members),
            Atom::IsTrue(_) | Atom::Has(_) => {}
            Atom::CompareResource { .. }
            | Atom::During(..)
            | Atom::Like(..)
            | Atom::Contains(..)
            | Atom::ContainsValue(..)
            | Atom::Overlaps(..)
            | Atom::OverlapsResource(..)
            | Atom::Holds(_) => self.otherwise = true,
        }
    }

    fn compare(&mut self, op: Cmp, value: &Value) {
        let (family, number) = match value {
            Value::Text(text) => {
                self.texts.insert(text.clone());
                return;
            }
            Value::Int(int) => (0, ordered(i128::from(*int))),
            Value::Tier(tier) => (0, ordered(i128::from(tier.0))),
            Value::Time(at) => (0, instant(*at)),
            Value::Ip(IpAddr::V4(ip)) => (4, u128::from(ip.to_bits())),
            Value::Ip(IpAddr::V6(ip)) => (6, ip.to_bits()),
            Value::Bool(_) | Value::None | Value::Texts(_) | Value::Roles(_) => return,
        };
        if matches!(op, Cmp::Eq | Cmp::Ne | Cmp::Lt | Cmp::Ge) {
            self.starts.insert((family, number));
        }
        if matches!(op, Cmp::Eq | Cmp::Ne | Cmp::Le | Cmp::Gt) {
            self.after(family, number);
        }
    }

    fn after(&mut self, family: u8, number: u128) {
        let last = if family == 4 { u128::from(u32::MAX) } else { u128::MAX };
        self.starts.extend(number.checked_add(1).filter(|next| *next <= last).map(|next| (family, next)));
    }

    fn members(&mut self, members: &Members) {
        match members {
            Members::Texts(texts) => self.texts.extend(texts.iter().cloned()),
            Members::Ints(ints) => ints.iter().for_each(|int| self.compare(Cmp::Eq, &Value::Int(*int))),
            Members::Tiers(tiers) => tiers.iter().for_each(|tier| self.compare(Cmp::Eq, &Value::Tier(*tier))),
            Members::Spans(spans) => {
                self.starts.extend(spans.iter().flat_map(|(start, end)| [(0, instant(*start)), (0, instant(*end))]));
            }
            Members::Nets(nets) => {
                for net in nets {
                    let (family, first, last) = match net {
                        IpNet::V4(net) => (4, net.network().to_bits().into(), net.broadcast().to_bits().into()),
                        IpNet::V6(net) => (6, net.network().to_bits(), net.broadcast().to_bits()),
                    };
                    self.starts.insert((family, first));
                    self.after(family, last);
                }
            }
        }
    }

    fn classes(&self, ty: &Type, tiers: usize) -> Option<usize> {
        if self.otherwise {
            return None;
        }
        // How many numbers from the second to the last begin a class; the first begins one anyway.
        let between = |family: u8, first: u128, last: u128| {
            let inside = |(of, start): &&(u8, u128)| *of == family && *start > first && *start <= last;
            self.starts.iter().filter(inside).count().saturating_add(1)
        };
        match ty {
            Type::Bool => Some(2),
            Type::Int(min, max) => Some(between(0, ordered(i128::from(*min)), ordered(i128::from(*max)))),
            Type::Tier => Some(between(0, ordered(0), ordered(tiers as i128).saturating_sub(1))),
            Type::Time => Some(between(0, 0, u128::MAX)),
            Type::Ip => Some(between(4, 0, u128::from(u32::MAX)).saturating_add(between(6, 0, u128::MAX))),
            Type::OneOf(all) => Some(self.texts.len().saturating_add(usize::from(self.texts.len() < all.len()))),
            Type::Text | Type::Kind | Type::Action => Some(self.texts.len().saturating_add(1)),
            Type::Texts | Type::Roles => None,
        }
    }
}

/// A number as one that is ordered the same and not negative.
const fn ordered(number: i128) -> u128 {
    number.cast_unsigned() ^ (1 << 127)
}

fn instant(at: DateTime<Utc>) -> u128 {
    let nanos = i128::from(at.timestamp()).saturating_mul(1_000_000_000);
    ordered(nanos.saturating_add(i128::from(at.timestamp_subsec_nanos())))
}
