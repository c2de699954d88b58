//! A graph that follows its policy set: where few files have changed, only what their rules are filed under is made anew.
//!
//! What is no longer needed stays where it is until the graph has grown to twice its size; then it is compiled anew.

use super::{
    block::{Blocks, Packed},
    compile,
    filing::{Place, file, note, read_by},
    graph::{BlockRef, Graph, UNREAD},
    heads,
    names::TooLarge,
    pack,
    tables::Interner,
};
use crate::check::ir::{Ir, OfFile, RuleId, Rules};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Of so many rules at least one must stay; else all are compiled anew, which then is quicker.
const FEW: usize = 4;
/// So many bytes are never too many.
const SMALL: usize = 1 << 16;

/// The graph of `after`, where `old` is the graph of `before`. It decides as the graph that is compiled anew.
///
/// # Errors
/// Where a table would grow beyond what its numbers hold.
pub fn update(old: &Graph, before: &Ir, after: &Ir) -> Result<Graph, TooLarge> {
    if !Arc::ptr_eq(&before.vocabulary, &after.vocabulary) {
        return compile(after);
    }
    let [gone, new] = [other(&before.rules, &after.rules), other(&after.rules, &before.rules)];
    let count = |files: &[&OfFile]| files.iter().map(|file| file.rules.len()).sum::<usize>();
    let changed = count(&gone).saturating_add(count(&new));
    let many = changed.saturating_mul(FEW) > after.rules.len();
    if many || old.flexible() > old.compact.saturating_mul(2).max(SMALL) {
        return compile(after);
    }
    follow(old, after, &gone, &new)
}

/// The files of some rules that are not the same among others.
fn other<'a>(rules: &'a Rules, others: &Rules) -> Vec<&'a OfFile> {
    let others: BTreeMap<RuleId, &OfFile> = others.files().iter().map(|file| (file.first, file)).collect();
    let same = |file: &&OfFile| others.get(&file.first).is_some_and(|other| Arc::ptr_eq(&file.rules, &other.rules));
    rules.files().iter().filter(|file| !same(file)).collect()
}

fn follow(old: &Graph, after: &Ir, gone: &[&OfFile], new: &[&OfFile]) -> Result<Graph, TooLarge> {
    let mut graph = old.clone();
    let [principals, resources] = [&old.tables.principals, &old.tables.resources].map(|names| names.ids().end);
    let mut constants = Interner::of(std::mem::take(&mut graph.tables));
    let mut filed: Vec<(Place, Packed)> = Vec::new();
    let mut read = vec![false; after.vocabulary.attributes.len()];
    // What has gone is filed only to see where it was.
    for (id, rule) in gone.iter().flat_map(|file| file.pairs()) {
        file(&after.vocabulary, id, rule, &mut constants, &mut filed)?;
    }
    let mut places: BTreeSet<Place> = filed.drain(..).map(|(place, _)| place).collect();
    for (id, rule) in new.iter().flat_map(|file| file.pairs()) {
        file(&after.vocabulary, id, rule, &mut constants, &mut filed)?;
        heads::told(rule, &mut |attr| note(&mut read, attr));
    }
    places.extend(filed.iter().map(|(place, _)| *place));
    others_at(old, after, gone, &places, &mut constants, &mut filed)?;
    graph.tables = constants.tables;
    read_by(&filed, &mut read);
    if read.iter().zip(&graph.slot_of).any(|(read, slot)| *read && *slot == UNREAD) {
        // Values that were of no interest are now.
        return compile(after);
    }
    graph.settle(principals, resources);
    for place in &places {
        graph.put(*place, BlockRef::default());
    }
    let blocks = Blocks::behind(std::mem::take(&mut graph.blocks), graph.sections, graph.kinds);
    pack(filed, blocks, &mut graph)?;
    if places.iter().any(|place| matches!(place, Place::Pattern(_))) || graph.tables.resources.ids().end > resources {
        graph.list_patterns()?;
    }
    graph.heads.follow(gone, new)?;
    Ok(graph)
}

/// Files the rules that stay at places that change.
fn others_at(
    old: &Graph,
    after: &Ir,
    gone: &[&OfFile],
    places: &BTreeSet<Place>,
    constants: &mut Interner,
    filed: &mut Vec<(Place, Packed)>,
) -> Result<(), TooLarge> {
    let has_gone = |id: RuleId| {
        let behind = gone.partition_point(|file| file.first <= id);
        let file = behind.checked_sub(1).and_then(|before| gone.get(before));
        file.is_some_and(|file| (id.0.wrapping_sub(file.first.0) as usize) < file.rules.len())
    };
    let stay: BTreeSet<RuleId> = places
        .iter()
        .flat_map(|place| old.rules_in(old.at(*place)))
        .map(|listed| listed.rule)
        .filter(|id| !has_gone(*id))
        .collect();
    let mut of_rule = Vec::new();
    for id in stay {
        let Some(rule) = after.rules.find(id) else { continue };
        file(&after.vocabulary, id, rule, constants, &mut of_rule)?;
        // It may be filed under other places, which do not change.
        filed.extend(of_rule.drain(..).filter(|(place, _)| places.contains(place)));
    }
    Ok(())
}
