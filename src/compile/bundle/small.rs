//! What a graph has little of: its vocabulary, what leads to blocks but for names, how values are kept, and defaults.

use super::{Fault, vocabulary};
use crate::{
    check::vocabulary::{AttrId, Owner, Vocabulary},
    compile::{
        Graph,
        code::{halves, joined},
        flat::{Reader, Writer},
        graph::{BlockRef, ByText, EntityPattern, Form, Read, Slot, State},
        names::{Names, TooLarge},
        paths::Paths,
        tables::number,
    },
    glob::Glob,
    zone::{self, Zone},
};
use std::sync::Arc;

const OWNERS: [Owner; 4] = [Owner::Principal, Owner::Resource, Owner::Action, Owner::Context];
const FORMS: [Form; 5] = [Form::Plain, Form::Text, Form::Time, Form::Set, Form::Roles];
const STATES: [State; 3] = [State::Unknown, State::None, State::Known];

/// The version of the time-zone rules, the vocabulary, then as [`read`] reads it.
pub(super) fn write(graph: &Graph, vocabulary: &Vocabulary, out: &mut Writer) -> Result<Vec<u32>, TooLarge> {
    let mut words = vec![out.text(zone::tzdb_version())?];
    words.extend(vocabulary::write(vocabulary, out)?);
    let count = |count: usize| number(count, "parts of a set");
    for zones in [&graph.tables.zones, graph.heads.zones()] {
        words.push(count(zones.len())?);
        for zone in zones {
            words.push(out.text(zone.name())?);
        }
    }
    words.push(count(graph.tables.globs.len())?);
    for glob in &graph.tables.globs {
        words.extend([u32::from(glob.is_of_resources()), out.text(glob.pattern())?]);
    }
    for names in [&graph.actions, &graph.role_names, &graph.tiers] {
        words.push(count(names.ids().len())?);
        for id in names.ids() {
            words.push(out.text(names.text(id).unwrap_or_default())?);
        }
    }
    for index in [&graph.tags, &graph.principal_orgs, &graph.resource_orgs] {
        words.extend(block(index.unknown));
        words.push(count(index.known.len())?);
        words.extend(index.known.iter().flat_map(|(text, of)| [*text, of.at, of.base]));
    }
    words.extend([graph.everywhere, graph.unknown_principal].into_iter().flat_map(block));
    words.push(count(graph.patterns.len())?);
    words.extend(graph.patterns.iter().copied().flat_map(block));
    for patterns in [&graph.principal_patterns, &graph.resource_patterns] {
        words.push(count(patterns.len())?);
        words.extend(patterns.iter().flat_map(|pattern| [pattern.kind, pattern.glob, pattern.entity]));
    }
    words.push(count(graph.slots.len())?);
    for read in &graph.slots {
        words.extend([read.attr.0, read.owner as u32 | (read.form as u32) << 8]);
        words.extend(slot(read.default));
    }
    words.extend(graph.blank.iter().copied().flat_map(slot));
    words.push(count(graph.of_principal)?);
    words.push(count(graph.slot_of.len())?);
    words.extend(graph.slot_of.iter().copied().map(u32::from));
    words.push(count(graph.roles.len())?);
    words.extend(&graph.roles);
    words.push(count(graph.closures.len())?);
    words.extend(graph.closures.iter().copied().flat_map(halves));
    let defaults = [graph.default_tier, graph.default_ip, graph.default_time, graph.default_roles, graph.default_org];
    words.extend(defaults.into_iter().flat_map(slot));
    let flags = [graph.has_default_circumstances, graph.granted, graph.reads_names];
    words.extend(flags.map(u32::from));
    Ok(words)
}

const fn block(of: BlockRef) -> [u32; 2] {
    [of.at, of.base]
}

fn slot(of: Slot) -> [u32; 5] {
    let ([a, b], [c, d]) = (halves(of.a), halves(of.b));
    [of.state as u32, a, b, c, d]
}

/// Reads what [`write`] wrote into a graph, and gives the vocabulary.
pub(super) fn read(mut reader: Reader<'_>, graph: &mut Graph) -> Result<Vocabulary, Fault> {
    let damaged = Fault::Damaged("its vocabulary is not one");
    match reader.text() {
        None => return Err(damaged),
        Some(version) if version != zone::tzdb_version() => return Err(Fault::OtherZones(version.to_owned())),
        Some(_) => {}
    }
    let vocabulary = vocabulary::read(&mut reader);
    let vocabulary = vocabulary.filter(|_| fill(&mut reader, graph).is_some() && reader.words.is_empty());
    let paths = vocabulary.as_ref().and_then(|vocabulary| Paths::new(vocabulary).ok());
    graph.paths = paths.unwrap_or_default();
    vocabulary.ok_or(damaged)
}

fn fill(reader: &mut Reader<'_>, graph: &mut Graph) -> Option<()> {
    graph.tables.zones = many(reader, 1, zone)?;
    graph.heads.set_zones(many(reader, 1, zone)?);
    graph.tables.globs = many(reader, 2, glob)?;
    (graph.actions, graph.role_names, graph.tiers) = (names(reader)?, names(reader)?, names(reader)?);
    (graph.tags, graph.principal_orgs, graph.resource_orgs) = (by_text(reader)?, by_text(reader)?, by_text(reader)?);
    (graph.everywhere, graph.unknown_principal) = (read_block(reader)?, read_block(reader)?);
    graph.patterns = many(reader, 2, read_block)?;
    (graph.principal_patterns, graph.resource_patterns) = (many(reader, 3, pattern)?, many(reader, 3, pattern)?);
    graph.slots = many(reader, 7, read_read)?;
    graph.blank = graph.slots.iter().map(|_| read_slot(reader)).collect::<Option<_>>()?;
    graph.of_principal = reader.word()? as usize;
    graph.slot_of = many(reader, 1, |reader| u16::try_from(reader.word()?).ok())?;
    graph.roles = many(reader, 1, Reader::word)?;
    graph.role_words = graph.roles.len().div_ceil(64);
    graph.closures = many(reader, 2, |reader| Some(joined(reader.word()?, reader.word()?)))?;
    (graph.default_tier, graph.default_ip, graph.default_time) =
        (read_slot(reader)?, read_slot(reader)?, read_slot(reader)?);
    (graph.default_roles, graph.default_org) = (read_slot(reader)?, read_slot(reader)?);
    (graph.has_default_circumstances, graph.granted) = (flag(reader)?, flag(reader)?);
    graph.reads_names = flag(reader)?;
    graph.note_indexes();
    graph.find_patterns().ok()?;
    graph.compact = graph.flexible();
    Some(())
}

/// So many things as a word says, each of which takes so many words at least.
fn many<'r, T>(
    reader: &mut Reader<'r>,
    words: usize,
    mut one: impl FnMut(&mut Reader<'r>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.count(words)?;
    (0..count).map(|_| one(reader)).collect()
}

fn zone(reader: &mut Reader<'_>) -> Option<Zone> {
    reader.text().and_then(Zone::find)
}

fn glob(reader: &mut Reader<'_>) -> Option<Arc<Glob>> {
    let of_resources = flag(reader)?;
    let pattern = reader.text()?;
    if of_resources { Glob::resource(pattern) } else { Glob::text(pattern) }.ok().map(Arc::new)
}

fn names(reader: &mut Reader<'_>) -> Option<Names> {
    let mut names = Names::default();
    for place in 0..reader.count(1)? {
        // Each stands once, at its place.
        (names.add(0, reader.text()?).ok()? == place).then_some(())?;
    }
    Some(names)
}

fn by_text(reader: &mut Reader<'_>) -> Option<ByText> {
    let unknown = read_block(reader)?;
    let known = many(reader, 3, |reader| Some((reader.word()?, read_block(reader)?)))?;
    known.is_sorted_by(|(before, _), (after, _)| before < after).then_some(ByText { known, unknown })
}

fn read_block(reader: &mut Reader<'_>) -> Option<BlockRef> {
    Some(BlockRef { at: reader.word()?, base: reader.word()? })
}

fn pattern(reader: &mut Reader<'_>) -> Option<EntityPattern> {
    Some(EntityPattern { kind: reader.word()?, glob: reader.word()?, entity: reader.word()? })
}

fn read_read(reader: &mut Reader<'_>) -> Option<Read> {
    let attr = AttrId(reader.word()?);
    let kind = reader.word()?;
    let owner = *OWNERS.get((kind & 0xff) as usize)?;
    let form = *FORMS.get((kind >> 8) as usize)?;
    Some(Read { attr, owner, form, default: read_slot(reader)? })
}

fn read_slot(reader: &mut Reader<'_>) -> Option<Slot> {
    let state = *STATES.get(reader.word()? as usize)?;
    Some(Slot { state, a: reader.long()?, b: reader.long()? })
}

fn flag(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.word()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
