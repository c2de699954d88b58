//! Statements that hold others: `on … { }`, `test "…" { }`, declarations.

use super::{
    explain::explain,
    grammar::Rule,
    literal::name,
    misplaced::not_in_block,
    node::{Nodes, Read},
    reader::{Outcome, Part, Reader, items},
    scope::selector,
    split::{Chunk, Context, RULE_WORDS, VOCABULARY_WORDS, significant},
    test::Line,
};
use crate::{
    ast::{Assign, At, Declaration, Item, ItemKind, Name, Step, Test},
    report::{Diagnostic, codes},
};

impl<'a> Reader<'a> {
    /// Reads a statement with a block: first its head, alone, then what stands in the block.
    pub(super) fn block(&mut self, chunk: Chunk, context: Context) -> Outcome {
        let word = self.opening_word(chunk);
        let head = self.slice(chunk.head().start, chunk.head().end);
        let mut is_declaration = || self.matcher.read(Rule::only_declaration, head).is_ok();
        match (context, word) {
            (Context::File, Some("on")) => self.on_block(chunk),
            (Context::File, Some("test")) => self.test(chunk),
            (Context::File, _) if is_declaration() => self.declaration(chunk),
            (Context::Block, word) if matches!(word, Some("on" | "test")) || is_declaration() => {
                let word = word.unwrap_or_default();
                let keyword = self.span(chunk.start, chunk.start.saturating_add(word.len()));
                self.diagnostics.push(not_in_block(keyword, word));
                (None, None)
            }
            (Context::File | Context::Block | Context::Test | Context::Members, _) => self.statement(chunk, context),
        }
    }

    /// Whether a statement is one of the vocabulary, if it is a good one; none if it is seen that it is not.
    pub(super) fn is_vocabulary(&self, chunk: Chunk) -> Option<bool> {
        match (chunk.brace, self.opening_word(chunk)) {
            (Some(_), word) => Some(!matches!(word, Some("on" | "test"))),
            (None, None) => Some(false),
            (None, Some(word)) if VOCABULARY_WORDS.contains(&word) => Some(true),
            (None, Some(word)) => RULE_WORDS.contains(&word).then_some(false),
        }
    }

    /// The first word, unless it is a label.
    fn opening_word(&self, chunk: Chunk) -> Option<&'a str> {
        let mut words = significant(self.text, chunk.start, chunk.end).map(|token| token.of(self.text));
        let first = words.next();
        first.filter(|_| words.next() != Some(":"))
    }

    /// `on tag risk { deny anyone to download; }`
    fn on_block(&mut self, chunk: Chunk) -> Outcome {
        let head = self.read_head(chunk, Rule::only_block, |nodes| selector(nodes.any()?.only()?));
        let items = items(self.inside(chunk, Context::Block));
        self.finished(chunk, head.map(|selector| ItemKind::On { selector: Box::new(selector), items }))
    }

    /// `test "…" { given …; view on "x" => allow; }`
    fn test(&mut self, chunk: Chunk) -> Outcome {
        let head = self.read_head(chunk, Rule::only_test, |nodes| name(nodes.any()?.only()?));
        let lines = self.inside(chunk, Context::Test).into_iter().filter_map(Part::line).collect();
        let (given, steps) = self.given_first(lines);
        self.finished(chunk, head.map(|name| ItemKind::Test(Box::new(Test { name, given, steps }))))
    }

    /// `model "x" { tier: seed; }`
    fn declaration(&mut self, chunk: Chunk) -> Outcome {
        let head = self.read_head(chunk, Rule::only_declaration, |nodes| {
            let mut parts = nodes.any()?.parts();
            Ok((name(parts.any()?)?, name(parts.any()?)?))
        });
        let members = self.inside(chunk, Context::Members).into_iter().filter_map(Part::member).collect();
        let declaration = |(kind, id): (Name, Name)| ItemKind::Declaration(Box::new(Declaration { kind, id, members }));
        self.finished(chunk, head.map(declaration))
    }

    /// Reads what stands before the `{`; reports what is wrong with it.
    fn read_head<T>(&mut self, chunk: Chunk, rule: Rule, build: fn(&mut Nodes<'_>) -> Read<T>) -> Option<T> {
        let text = self.slice(chunk.head().start, chunk.head().end);
        let built = match self.matcher.read(rule, text) {
            Ok(tree) => build(&mut tree.nodes(self.place(chunk.start), &self.texts)),
            Err(mismatch) => Err(Box::new(explain(&self.fault(chunk, Context::File, Some(rule), &mismatch)))),
        };
        built.map_err(|problem| self.diagnostics.push(*problem)).ok()
    }

    /// Reads what stands between the `{` and the `}`.
    fn inside(&mut self, chunk: Chunk, context: Context) -> Vec<Part> {
        let body = chunk.body();
        self.report_findings(body.start);
        let parts = self.parts(body.clone(), context);
        self.report_findings(body.end);
        parts
    }

    fn finished(&self, chunk: Chunk, kind: Option<ItemKind>) -> Outcome {
        let at = At(self.span(chunk.start, chunk.end));
        (kind.map(|kind| Part::Item(Item { docs: Vec::new(), kind, at })), None)
    }

    /// `given` stands first, and once.
    fn given_first(&mut self, lines: Vec<Line>) -> (Vec<Assign>, Vec<Step>) {
        let mut given: Option<(Vec<Assign>, At)> = None;
        let mut steps: Vec<Step> = Vec::new();
        for line in lines {
            match line {
                Line::Step(step) => steps.push(*step),
                Line::Given(assigns, at) => {
                    let problem = if let Some((_, first)) = &given {
                        Diagnostic::new(codes::REPEATED_PART, at.0, "a second `given`")
                            .also(first.0, "the first one")
                            .help("write all of it in one `given`, with commas")
                    } else if let Some(step) = steps.first() {
                        Diagnostic::new(codes::MISPLACED, at.0, "`given` after a case")
                            .also(step.at.0, "the first case")
                            .help("`given` says what all cases have in common; write it first")
                    } else {
                        given = Some((assigns, at));
                        continue;
                    };
                    self.diagnostics.push(problem);
                }
            }
        }
        (given.map(|(assigns, _)| assigns).unwrap_or_default(), steps)
    }
}
