//! The meaning of a policy set.
//!
//! In go the trees of all files, out come an [`Ir`] and what is wrong: all errors at once, and warnings. The passes are
//! files: `resolve` collects names, `entities` types and declarations, `define` named windows and conditions; then
//! `lower` (with `conditions`, `infer`, `messages` and `cases`) gives each rule, claim and test its meaning, in parallel
//! over the files; `lint` warns; `suppress` silences. Nothing here decides a request.

mod cases;
mod conditions;
mod define;
mod entities;
pub mod entity;
mod infer;
pub mod ir;
mod lint;
mod lower;
mod messages;
mod names;
mod resolve;
mod rules;
mod suppress;
pub mod vocabulary;

pub(crate) use conditions::shift;
pub use ir::Ir;

use crate::{
    ast::{Ast, Item, ItemKind, Name, Selector},
    report::{self, Diagnostic, codes},
    source::{Sources, Span},
};
use infer::{Checker, Used};
use ir::{Claim, Effect, Rule, Rules, Test};
use names::suggestion;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::{collections::BTreeSet, sync::Arc};

/// What one file comes to.
#[derive(Default)]
struct Lowered<'a> {
    rules: Vec<Rule>,
    claims: Vec<Claim>,
    tests: Vec<Test>,
    diagnostics: Vec<Diagnostic>,
    used: Used,
    wanted_rules: Vec<&'a Name>,
    wanted_duties: Vec<&'a Name>,
}

/// Checks a policy set. The trees are those of the files of `sources`, in source order; `found` is what was found when
/// they were read.
///
/// Gives the meaning if there is no error, and every error and warning in source order.
#[must_use]
pub fn check(asts: &[Ast], sources: &Sources, found: Vec<Diagnostic>) -> (Option<Ir>, Vec<Diagnostic>) {
    let mut diagnostics = found;
    let (mut vocabulary, mut names) = resolve::resolve(asts, &mut diagnostics);
    entities::attributes(&mut vocabulary, &mut names, &mut diagnostics);
    entities::clashes(&vocabulary, &names, &mut diagnostics);
    entities::members_of_values(&vocabulary, &mut diagnostics);
    entities::declarations(&mut vocabulary, &names, asts, &mut diagnostics);
    let (defined, mut used) = define::define(&vocabulary, &names, sources, &mut diagnostics);
    let files: Vec<Lowered<'_>> =
        asts.par_iter().map(|ast| lower_file(ast, Checker::new(&vocabulary, &names, &defined, sources))).collect();
    let mut ir = Ir::default();
    let (mut wanted_rules, mut wanted_duties) = (Vec::new(), Vec::new());
    let mut rules = Vec::new();
    for (ast, file) in asts.iter().zip(files) {
        rules.push((ast.file, Arc::from(file.rules)));
        ir.claims.extend(file.claims);
        ir.tests.extend(file.tests);
        diagnostics.extend(file.diagnostics);
        used.merge(file.used);
        wanted_rules.extend(file.wanted_rules);
        wanted_duties.extend(file.wanted_duties);
    }
    match Rules::new(rules) {
        Ok(rules) => ir.rules = rules,
        Err(error) => diagnostics.push(Diagnostic::new(codes::TOO_LARGE, Span::default(), error.to_string())),
    }
    known_rules(&ir, &names, &wanted_rules, &mut diagnostics);
    known_duties(&ir, &wanted_duties, &mut diagnostics);
    lint::lint(&ir, asts, sources, &vocabulary, &names, &used, &mut diagnostics);
    mark_units(&ir, &mut vocabulary);
    ir.vocabulary = vocabulary;
    let mut diagnostics = suppress::suppress(diagnostics, asts, sources);
    report::sort(&mut diagnostics);
    let valid = !diagnostics.iter().any(Diagnostic::is_error);
    (valid.then_some(ir), diagnostics)
}

fn lower_file<'a>(ast: &'a Ast, mut checker: Checker<'a>) -> Lowered<'a> {
    let mut lowered = Lowered::default();
    for item in &ast.items {
        if let ItemKind::On { selector, items } = &item.kind {
            for inner in items {
                lower_item(inner, Some(selector), &mut checker, &mut lowered);
            }
        } else {
            lower_item(item, None, &mut checker, &mut lowered);
        }
    }
    lowered.diagnostics = checker.diagnostics;
    lowered.used = checker.used;
    lowered.wanted_rules = checker.wanted_rules;
    lowered.wanted_duties = checker.wanted_duties;
    lowered
}

fn lower_item<'a>(item: &'a Item, on: Option<&Selector>, checker: &mut Checker<'a>, lowered: &mut Lowered<'a>) {
    match &item.kind {
        ItemKind::Rule(rule) => lowered.rules.extend(checker.rule(rule, item.at.0, on)),
        ItemKind::Invariant(claim) => lowered.claims.extend(checker.claim(claim, item.at.0, on)),
        ItemKind::Test(test) => {
            // What only a test names is not used by the policy.
            let used = std::mem::take(&mut checker.used);
            lowered.tests.push(checker.test(test, item.at.0));
            checker.used = used;
        }
        ItemKind::Timezone(_)
        | ItemKind::Tiers(_)
        | ItemKind::Actions(_)
        | ItemKind::ActionGroup { .. }
        | ItemKind::Kinds { .. }
        | ItemKind::Role { .. }
        | ItemKind::Attribute { .. }
        | ItemKind::Set { .. }
        | ItemKind::Window { .. }
        | ItemKind::Condition { .. }
        | ItemKind::Declaration(_)
        | ItemKind::On { .. } => {}
    }
}

/// Tests name rules by their labels or places.
fn known_rules(ir: &Ir, names: &resolve::Names<'_>, wanted: &[&Name], diagnostics: &mut Vec<Diagnostic>) {
    if wanted.is_empty() {
        return;
    }
    let rules: BTreeSet<&str> = ir.rules.iter().map(|rule| &*rule.name).collect();
    for name in wanted {
        // A rule with an error of its own has a label, but no meaning.
        let labelled = names.place(resolve::Space::Label, &name.text).is_some();
        if !rules.contains(&*name.text) && !labelled {
            let message = format!("unknown rule `{}`", name.text);
            let help = suggestion(&name.text, rules.iter().copied());
            diagnostics.push(Diagnostic::new(codes::UNKNOWN_RULE, name.at.0, message).maybe_help(help));
        }
    }
}

/// Tests name duties that rules attach.
fn known_duties(ir: &Ir, wanted: &[&Name], diagnostics: &mut Vec<Diagnostic>) {
    let duties: BTreeSet<&str> = ir
        .rules
        .iter()
        .filter_map(|rule| if let Effect::Oblige(duties, _) = &rule.effect { Some(duties) } else { None })
        .flatten()
        .map(|duty| &*duty.name)
        .collect();
    for name in wanted.iter().filter(|name| !duties.contains(&*name.text)) {
        let message = format!("no rule attaches the duty `{}`", name.text);
        let help = suggestion(&name.text, duties.iter().copied());
        diagnostics.push(Diagnostic::new(codes::BAD_TEST, name.at.0, message).maybe_help(help));
    }
}

/// What limits count by is never negative in a request. A shadow limit refuses nothing: to it a negative cost is one that
/// has no room.
fn mark_units(ir: &Ir, vocabulary: &mut vocabulary::Vocabulary) {
    for rule in ir.rules.iter().filter(|rule| !rule.shadow) {
        if let Effect::Limit(limit, _) = &rule.effect
            && let Some(row) = limit.unit.and_then(|unit| vocabulary.attributes.get_mut(unit))
        {
            row.is_unit = true;
        }
    }
}
