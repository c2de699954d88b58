//! The constants of a policy set, each kept once and spoken of by number.

use super::{
    graph::Home,
    names::{Names, TooLarge},
};
use crate::{
    check::ir::{Members, Window},
    glob::Glob,
    value::Value,
    zone::Zone,
};
use ipnet::IpNet;
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

/// The minutes of a week.
pub(crate) const WEEK: u32 = 7 * DAY;
/// The minutes of a day.
const DAY: u32 = 24 * 60;

/// The constants of a policy set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// Texts that tests compare with, and those that declarations give.
    pub(crate) texts: Names,
    /// Principals that rules name or that are declared, by the number of their kind's text.
    pub(crate) principals: Names<Home>,
    /// Resources that rules name or that are declared, by the number of their kind's text.
    pub(crate) resources: Names<Home>,
    /// Tables of numbers: how many words, then those.
    pub(crate) pool: Vec<u32>,
    /// Patterns, each kept once.
    pub(crate) globs: Vec<Arc<Glob>>,
    /// Zones of windows, each kept once.
    pub(crate) zones: Vec<Zone>,
}

impl Tables {
    /// A table of the pool.
    #[inline]
    pub(crate) fn listed(&self, at: u32) -> &[u32] {
        let [length, rest @ ..] = self.pool.get(at as usize..).unwrap_or_default() else { return &[] };
        rest.get(..*length as usize).unwrap_or_default()
    }

    /// Takes no more memory for names than these need.
    pub(super) fn fit(&mut self) {
        self.texts.fit();
        self.principals.fit();
        self.resources.fit();
    }
}

/// Adds constants to tables.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    pub(crate) tables: Tables,
    /// Where the tables of the pool stand that were added by this interner, each kept once.
    pooled: HashMap<Box<[u32]>, u32>,
    /// The numbers of patterns by their texts, once one is asked for.
    patterns: Option<HashMap<Box<str>, Vec<u32>>>,
}

impl Interner {
    /// Goes on with tables.
    pub(super) fn of(tables: Tables) -> Self {
        Self { tables, ..Self::default() }
    }

    /// The number of a text.
    pub(crate) fn text(&mut self, text: &str) -> Result<u32, TooLarge> {
        let most = u64::from(super::graph::LOCAL);
        let id = self.tables.texts.add(0, text)?;
        if u64::from(id) < most { Ok(id) } else { Err(too_many("texts", most)) }
    }

    /// The number of a principal.
    pub(crate) fn principal(&mut self, kind: &str, id: &str) -> Result<u32, TooLarge> {
        let kind = self.text(kind)?;
        self.tables.principals.add(kind, id)
    }

    /// The number of a resource.
    pub(crate) fn resource(&mut self, kind: &str, id: &str) -> Result<u32, TooLarge> {
        let kind = self.text(kind)?;
        self.tables.resources.add(kind, id)
    }

    /// The number of a pattern.
    pub(crate) fn glob(&mut self, glob: &Arc<Glob>) -> Result<u32, TooLarge> {
        let Self { tables: Tables { globs, .. }, patterns, .. } = self;
        let patterns = patterns.get_or_insert_with(|| {
            let mut patterns: HashMap<Box<str>, Vec<u32>> = HashMap::new();
            for (glob, id) in globs.iter().zip(0..) {
                patterns.entry(glob.pattern().into()).or_default().push(id);
            }
            patterns
        });
        let same = patterns.entry(glob.pattern().into()).or_default();
        let held = same.iter().find(|id| globs.get(**id as usize).is_some_and(|other| other == glob));
        if let Some(id) = held {
            return Ok(*id);
        }
        let id = number(globs.len(), "patterns")?;
        same.push(id);
        globs.push(glob.clone());
        Ok(id)
    }

    /// The number of a zone; a set has few.
    pub(crate) fn zone(&mut self, zone: &Zone) -> Result<u16, TooLarge> {
        let zones = &mut self.tables.zones;
        let place = zones.iter().position(|held| held == zone).unwrap_or_else(|| {
            zones.push(zone.clone());
            zones.len().saturating_sub(1)
        });
        u16::try_from(place).map_err(|_| too_many("time zones", 1 << 16))
    }

    /// Where a table of numbers stands in the pool.
    pub(crate) fn table(&mut self, words: Vec<u32>) -> Result<u32, TooLarge> {
        if let Some(at) = self.pooled.get(&*words) {
            return Ok(*at);
        }
        let pool = &mut self.tables.pool;
        let at = number(pool.len(), "constants")?;
        pool.push(number(words.len(), "constants in one list")?);
        pool.extend(&words);
        self.pooled.insert(words.into(), at);
        Ok(at)
    }

    /// The numbers of some texts, sorted.
    pub(crate) fn texts_table(&mut self, texts: &BTreeSet<Arc<str>>) -> Result<u32, TooLarge> {
        let mut ids = texts.iter().map(|text| self.text(text)).collect::<Result<Vec<u32>, _>>()?;
        ids.sort_unstable();
        self.table(ids)
    }

    /// The minutes of a week that a window holds, a bit for each.
    pub(crate) fn window(&mut self, window: &Window) -> Result<u32, TooLarge> {
        let mut bits = vec![0_u32; WEEK.div_ceil(32) as usize];
        for span in &window.spans {
            // A window's spans begin and end on full minutes.
            let (start, end) = (span.start.div_euclid(60), span.end.div_euclid(60));
            let last = if start < end { end } else { end.saturating_add(DAY) };
            for day in (0..7_u32).filter(|day| span.days >> day & 1 == 1) {
                for minute in start..last {
                    let minute = day.saturating_mul(DAY).saturating_add(minute).checked_rem(WEEK).unwrap_or_default();
                    if let Some(word) = bits.get_mut((minute >> 5) as usize) {
                        *word |= 1 << (minute & 31);
                    }
                }
            }
        }
        self.table(bits)
    }
}

/// The table of a window's minutes, instants' spans, numbers or addresses.
pub(crate) fn numbers(members: &Members) -> Option<Vec<u32>> {
    use super::code::halves;
    Some(match members {
        Members::Texts(_) => return None,
        Members::Ints(ints) => ints.iter().flat_map(|int| halves(int.cast_unsigned())).collect(),
        Members::Tiers(tiers) => tiers.iter().flat_map(|tier| halves(u64::from(tier.0))).collect(),
        Members::Nets(nets) => {
            let (v4, v6) = ranges(nets);
            let count = u32::try_from(v4.len()).ok()?;
            let v4 = v4.into_iter().flat_map(|(first, last)| [first, last]);
            let v6 = v6.into_iter().flat_map(|(first, last)| [first, last]).flat_map(ip_words);
            [count].into_iter().chain(v4).chain(v6).collect()
        }
        Members::Spans(spans) => {
            let mut merged: Vec<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)> = Vec::new();
            for (start, end) in spans.iter().filter(|(start, end)| start < end) {
                match merged.last_mut() {
                    Some((_, last)) if start <= last => *last = *end.max(last),
                    _ => merged.push((*start, *end)),
                }
            }
            merged.into_iter().flat_map(|(start, end)| [instant_words(start), instant_words(end)]).flatten().collect()
        }
    })
}

/// An instant as seconds and nanoseconds, which are ordered as instants are.
pub(crate) const fn instant_words(at: chrono::DateTime<chrono::Utc>) -> [u32; 3] {
    let [low, high] = super::code::halves(at.timestamp().cast_unsigned());
    [low, high, at.timestamp_subsec_nanos()]
}

/// The words of an IPv6 address, the highest first.
pub(crate) const fn ip_words(bits: u128) -> [u32; 4] {
    [(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32, bits as u32]
}

/// Inclusive ranges of addresses of one family.
type Ranges<T> = Vec<(T, T)>;

/// The addresses of some blocks: ranges in order that neither overlap nor touch.
pub(crate) fn ranges(nets: &[IpNet]) -> (Ranges<u32>, Ranges<u128>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for net in nets {
        match net {
            IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
            IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
        }
    }
    (merge(v4, |last| last.checked_add(1)), merge(v6, |last| last.checked_add(1)))
}

fn merge<T: Ord + Copy>(mut ranges: Ranges<T>, next: impl Fn(T) -> Option<T>) -> Ranges<T> {
    ranges.sort_unstable();
    let mut merged: Ranges<T> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, held)) if next(*held).is_none_or(|next| first <= next) => *held = last.max(*held),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// An address as the two words that slots keep: an IPv4 address in IPv6 form, which no IPv6 address has here.
pub(crate) const fn address(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// A value as the two words of a slot, where it needs no table.
pub(crate) const fn plain(value: &Value) -> Option<(u64, u64)> {
    match value {
        Value::Bool(value) => Some((*value as u64, 0)),
        Value::Int(value) => Some((value.cast_unsigned(), 0)),
        Value::Tier(tier) => Some((tier.0 as u64, 0)),
        Value::Ip(ip) => {
            let bits = address(*ip);
            Some(((bits >> 64) as u64, bits as u64))
        }
        Value::Time(at) => Some((at.timestamp().cast_unsigned(), at.timestamp_subsec_nanos() as u64)),
        Value::None | Value::Text(_) | Value::Texts(_) | Value::Roles(_) => None,
    }
}

/// A number that fits an index.
pub(crate) fn number(count: usize, what: &'static str) -> Result<u32, TooLarge> {
    u32::try_from(count).map_err(|_| too_many(what, u64::from(u32::MAX)))
}

pub(crate) const fn too_many(what: &'static str, most: u64) -> TooLarge {
    TooLarge::TooMany { what, most }
}

/// The minute of the week that a clock on the wall shows at an instant, in seconds since 1970.
#[inline]
pub(crate) fn minute(zone: &Zone, seconds: i64) -> u32 {
    zone.week_second(seconds).div_euclid(60)
}
