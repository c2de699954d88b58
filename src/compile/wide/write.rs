//! Packs many rules into a chunk.

use super::{
    CUT, HEAD, Kind, RULE, WIDE,
    wants::{Fate, Range, Source, Wants, wants},
};
use crate::compile::{
    block::{Packed, Section, words_of_tests},
    code::{NEGATED, Op, halves},
    names::TooLarge,
    tables::{Tables, number, too_many},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most classes of one attribute; more are put together.
const MAX_CLASSES: usize = 512;

/// A test: the place of its rule, and its own among the rule's tests.
type Place = (usize, usize);

/// The tests of a chunk's rules that values can be cut by.
#[derive(Default)]
struct Cutting {
    texts: BTreeMap<Source, Vec<(Place, Vec<u32>)>>,
    ranges: BTreeMap<Source, Vec<(Place, Vec<Range>, Fate)>>,
    /// By role, the tests that want it.
    roles: BTreeMap<u32, Vec<Place>>,
}

/// Writes a chunk of rules, which are in the order in which they decide.
pub(in crate::compile) fn write(rules: &[&Packed], base: u32, tables: &Tables) -> Result<Vec<u32>, TooLarge> {
    let mut cutting = Cutting::default();
    for (rule, packed) in rules.iter().enumerate() {
        for (test, words) in words_of_tests(&packed.code).enumerate() {
            cutting.add((rule, test), words, tables);
        }
    }
    let mut writer = Writer {
        rules,
        quads: rules.len().div_ceil(128),
        body: Vec::new(),
        places: Vec::new(),
        vectors: HashMap::new(),
        cuts: Vec::new(),
        said: BTreeSet::new(),
    };
    writer.actions()?;
    writer.roles(&cutting.roles)?;
    for (source, asked) in &cutting.texts {
        writer.texts(*source, asked)?;
    }
    for (source, asked) in &cutting.ranges {
        writer.ranges(*source, asked)?;
    }
    writer.finish(base)
}

impl Cutting {
    /// Takes a test of a rule, if values can be cut by it.
    fn add(&mut self, place: Place, words: &[u32], tables: &Tables) {
        let Some((test, operands)) = crate::compile::block::tests(words).next() else { return };
        if test.op == Op::Holds && test.flags & NEGATED == 0 {
            self.roles.entry(u32::from(test.immediate)).or_default().push(place);
        }
        match wants(test, operands, tables) {
            Some((source, Wants::Texts(texts))) => self.texts.entry(source).or_default().push((place, texts)),
            Some((source, Wants::Ranges(ranges, none))) => {
                self.ranges.entry(source).or_default().push((place, ranges, none));
            }
            None => {}
        }
    }
}

struct Writer<'a> {
    rules: &'a [&'a Packed],
    /// The quads of a vector.
    quads: usize,
    /// Tables and vectors, after the cuts.
    body: Vec<u32>,
    /// The words of the body that are places in it.
    places: Vec<usize>,
    /// Where vectors stand in the body.
    vectors: HashMap<Vec<u32>, u32>,
    /// Kind, zone and slot; where the table begins in the body, values; the vectors of the unknown and of none.
    cuts: Vec<[u32; CUT]>,
    /// The tests that cuts say all of.
    said: BTreeSet<Place>,
}

impl Writer<'_> {
    /// Where the vector of the rules stands for which something holds.
    fn vector(&mut self, of: impl Fn(usize, &Packed) -> bool) -> Result<u32, TooLarge> {
        let mut bits = vec![0_u32; self.quads.saturating_mul(4)];
        for (place, _) in self.rules.iter().enumerate().filter(|(place, rule)| of(*place, rule)) {
            if let Some(word) = bits.get_mut(place >> 5) {
                *word |= 1 << (place & 31);
            }
        }
        if let Some(at) = self.vectors.get(&bits) {
            return Ok(*at);
        }
        let at = number(self.body.len(), "words in one block")?;
        self.body.extend(&bits);
        self.vectors.insert(bits, at);
        Ok(at)
    }

    /// Appends a table that begins with some words, then has the places of some vectors, and ends with more words.
    fn cut(
        &mut self,
        source: Source,
        [before, vectors, after]: [&[u32]; 3],
        values: usize,
        [unknown, none]: [u32; 2],
    ) -> Result<(), TooLarge> {
        let at = number(self.body.len(), "words in one block")?;
        self.body.extend(before);
        self.places.extend((self.body.len()..).take(vectors.len()));
        self.body.extend(vectors);
        self.body.extend(after);
        let head = source.kind as u32 | u32::from(source.zone & 0xff) << 8 | u32::from(source.slot) << 16;
        self.cuts.push([head, at, number(values, "values in one block")?, unknown, none]);
        Ok(())
    }

    /// For each bit of an action, the rules that may speak of it.
    fn actions(&mut self) -> Result<(), TooLarge> {
        let vectors = (0..32).map(|bit| self.vector(|_, rule| rule.actions >> bit & 1 == 1));
        let vectors: Vec<u32> = vectors.collect::<Result<_, _>>()?;
        let all = self.vector(|_, _| true)?;
        self.cut(Source { kind: Kind::Actions, zone: 0, slot: 0 }, [&[], &vectors, &[]], 32, [all, all])
    }

    /// For each role, the rules that want it besides those that want none.
    fn roles(&mut self, wanted: &BTreeMap<u32, Vec<Place>>) -> Result<(), TooLarge> {
        let Some((last, _)) = wanted.last_key_value() else { return Ok(()) };
        // A rule that wants several is left if there is one of them.
        let mut times: BTreeMap<usize, usize> = BTreeMap::new();
        for (rule, _) in wanted.values().flatten() {
            let times = times.entry(*rule).or_default();
            *times = times.saturating_add(1);
        }
        self.said.extend(wanted.values().flatten().filter(|(rule, _)| times.get(rule) == Some(&1)));
        let none = self.vector(|place, _| !times.contains_key(&place))?;
        let mut vectors = vec![none];
        for role in 0..=*last {
            let wanting = wanted.get(&role).map_or(&[][..], |places| places);
            let wanting: BTreeSet<usize> = wanting.iter().map(|(rule, _)| *rule).collect();
            vectors.push(self.vector(|place, _| wanting.contains(&place))?);
        }
        let roles = vectors.len().saturating_sub(1);
        self.cut(Source { kind: Kind::Roles, zone: 0, slot: 0 }, [&[], &vectors, &[]], roles, [none, none])
    }

    /// For each text, the rules that want it, as a list.
    fn texts(&mut self, source: Source, asked: &[(Place, Vec<u32>)]) -> Result<(), TooLarge> {
        let asking: BTreeSet<usize> = asked.iter().map(|((rule, _), _)| *rule).collect();
        let mut lists: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        for ((rule, _), texts) in asked {
            for text in texts {
                lists.entry(*text).or_default().insert(*rule);
            }
        }
        // A rule that asks twice wants both: it is left if it has one of them.
        let once = |rule: usize| asked.iter().filter(|((other, _), _)| *other == rule).count() == 1;
        self.said.extend(asked.iter().map(|(place, _)| *place).filter(|(rule, _)| once(*rule)));
        let others = self.vector(|place, _| !asking.contains(&place))?;
        let unknown = self.vector(|place, rule| !rule.section.is_certain() || !asking.contains(&place))?;
        let mut words: Vec<u32> = lists.keys().copied().collect();
        let mut end = 0_u32;
        for rules in lists.values() {
            end = end.saturating_add(rules.len() as u32);
            words.push(end);
        }
        words.extend(lists.values().flatten().map(|place| *place as u32));
        self.cut(source, [&[], &[others], &words], lists.len(), [unknown, others])
    }

    /// For each class between the ends of ranges, the rules that it leaves.
    fn ranges(&mut self, source: Source, asked: &[(Place, Vec<Range>, Fate)]) -> Result<(), TooLarge> {
        let mut starts: BTreeSet<u64> = BTreeSet::new();
        for (first, last) in asked.iter().flat_map(|(_, ranges, _)| ranges) {
            starts.insert(*first);
            starts.extend(last.checked_add(1));
        }
        // The first class begins with the least value of all.
        let end = if source.kind.is_long() { u64::MAX } else { u64::from(u32::MAX) };
        starts.retain(|start| (1..=end).contains(start));
        // Each class is left what any of its values is left.
        let step = starts.len().div_ceil(MAX_CLASSES).max(1);
        let kept: Vec<u64> = starts.into_iter().step_by(step).collect();
        let classes: Vec<Range> = (0..=kept.len())
            .map(|class| {
                let least = class.checked_sub(1).and_then(|before| kept.get(before)).copied().unwrap_or_default();
                (least, kept.get(class).map_or(end, |next| next.saturating_sub(1)))
            })
            .collect();
        let meets = |ranges: &[Range], (least, most): Range| ranges.iter().any(|(a, b)| *a <= most && least <= *b);
        let holds = |ranges: &[Range], (least, most): Range| ranges.iter().any(|(a, b)| *a <= least && most <= *b);
        let is_said = |ranges: &[Range]| classes.iter().all(|class| holds(ranges, *class) || !meets(ranges, *class));
        let said = asked.iter().filter(|(_, ranges, none)| *none != Fate::Open && is_said(ranges));
        self.said.extend(said.map(|(place, ..)| *place));
        let mut vectors = Vec::new();
        for class in &classes {
            let out = asked.iter().filter(|(_, ranges, _)| !meets(ranges, *class)).map(|((rule, _), ..)| *rule);
            let out: BTreeSet<usize> = out.collect();
            vectors.push(self.vector(|place, _| !out.contains(&place))?);
        }
        let ruled_out = |fates: &dyn Fn(Fate) -> bool| -> BTreeSet<usize> {
            asked.iter().filter(|(_, _, fate)| fates(*fate)).map(|((rule, _), ..)| *rule).collect()
        };
        let all = ruled_out(&|_| true);
        let unknown = self.vector(|place, rule| !rule.section.is_certain() || !all.contains(&place))?;
        let fails = ruled_out(&|fate| fate == Fate::Fails);
        let doubtful = ruled_out(&|fate| fate == Fate::Unknown);
        let none = self.vector(|place, rule| {
            !(fails.contains(&place) || rule.section.is_certain() && doubtful.contains(&place))
        })?;
        let long = source.kind.is_long();
        let starts = kept.iter().flat_map(|start| halves(*start).into_iter().take(if long { 2 } else { 1 }));
        let starts: Vec<u32> = starts.collect();
        self.cut(source, [&starts, &vectors, &[]], kept.len(), [unknown, none])
    }

    fn finish(mut self, base: u32) -> Result<Vec<u32>, TooLarge> {
        let certain = self.vector(|_, rule| rule.section.is_certain())?;
        let start = HEAD.saturating_add(self.cuts.len().saturating_mul(CUT)) as u32;
        let moved = |place: u32| place.saturating_add(start);
        for place in &self.places {
            if let Some(word) = self.body.get_mut(*place) {
                *word = moved(*word);
            }
        }
        let rules = moved(number(self.body.len(), "words in one block")?);
        let end = |section: usize| self.rules.iter().filter(|rule| rule.section as usize <= section).count() as u32;
        let hiding = self.rules.iter().filter(|rule| rule.section == Section::Prohibitions && rule.hides).count();
        let mut words = vec![WIDE | self.quads as u32, self.rules.len() as u32, hiding as u32, self.cuts.len() as u32];
        words.extend((0..6).map(end));
        words.extend([rules, moved(certain)]);
        for [head, at, values, unknown, none] in &self.cuts {
            words.extend([*head, moved(*at), *values, moved(*unknown), moved(*none)]);
        }
        words.extend(&self.body);
        let mut code: Vec<u32> = Vec::new();
        let first = words.len().saturating_add(self.rules.len().saturating_mul(RULE));
        for (place, rule) in self.rules.iter().enumerate() {
            let (open, said) = self.parts(place, rule);
            let at = number(first.saturating_add(code.len()), "words in one block")?;
            let length = |words: usize| u16::try_from(words).map_err(|_| too_many("tests in one rule", 1 << 16));
            let lengths = u32::from(length(open.len())?) | u32::from(length(rule.code.len())?) << 16;
            words.extend([rule.actions, at, lengths, rule.rule.wrapping_sub(base)]);
            code.extend(open.iter().chain(&said));
        }
        words.extend(code);
        Ok(words)
    }

    /// The code of a rule that cuts do not say, and that which they do.
    fn parts(&self, place: usize, rule: &Packed) -> (Vec<u32>, Vec<u32>) {
        let (mut open, mut said) = (Vec::new(), Vec::new());
        for (test, words) in words_of_tests(&rule.code).enumerate() {
            if self.said.contains(&(place, test)) { &mut said } else { &mut open }.extend(words);
        }
        (open, said)
    }
}
