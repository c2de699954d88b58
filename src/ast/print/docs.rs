//! The parts that statements are laid out from: gaps, rows, lists.

use super::{
    comments::{Note, Pending},
    words,
};
use crate::ast::{
    Arg, Assign, At, Cond, Duty, Expect, Instant, Literal, LiteralKind, Name, Operand, Path, Selector, SelectorTerm,
    SetExpr, Type, WhoTerm, WindowSpan,
};
use pretty::{Arena, DocAllocator, DocBuilder};
use std::borrow::Cow;

/// A document: text with places where it may be broken into lines.
pub(super) type Doc<'s> = DocBuilder<'s, Arena<'s>>;

/// How many columns a line may have.
pub(super) const WIDTH: usize = 100;

/// How many columns deeper the rest of a thing stands.
pub(super) const INDENT: isize = 4;

/// The longest constants that share lines in a list that is broken into lines.
const SHORT: usize = 12;

/// How a row that does not fit on one line is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrap {
    /// As many nodes on a line as fit there.
    Full,
    /// A line for each node.
    OneEach,
}

/// Builds the document of one statement, in the order of the text.
pub(super) struct Docs<'s> {
    arena: &'s Arena<'s>,
    comments: Pending<'s>,
}

/// A node that begins at a place.
pub(super) trait Placed {
    /// Where it stands.
    fn at(&self) -> At;
}

macro_rules! placed {
    ($($node:ty),*) => { $(impl Placed for $node { fn at(&self) -> At { self.at } })* };
}

placed!(Assign, Cond, Duty, Expect, Instant, Literal, Name, Path, Selector, SelectorTerm, Type, WhoTerm, WindowSpan);

impl<T: Placed> Placed for [T] {
    fn at(&self) -> At {
        self.first().map(Placed::at).unwrap_or_default()
    }
}

impl<T: Placed> Placed for Vec<T> {
    fn at(&self) -> At {
        self.as_slice().at()
    }
}

impl Placed for (Name, Arg) {
    fn at(&self) -> At {
        self.0.at
    }
}

impl Placed for Operand {
    fn at(&self) -> At {
        match self {
            Self::Path(path, _) => path.at,
            Self::Literal(literal) => literal.at,
        }
    }
}

impl Placed for SetExpr {
    fn at(&self) -> At {
        match self {
            Self::List(_, at) => *at,
            Self::Path(path) => path.at,
        }
    }
}

impl<'s> Docs<'s> {
    /// For one statement, with the comments in it.
    pub(super) fn new(arena: &'s Arena<'s>, comments: Pending<'s>) -> Self {
        Self { arena, comments }
    }

    /// The comments that no node took: they stand after all of them.
    pub(super) fn rest(self) -> Pending<'s> {
        self.comments
    }

    /// The comments that have not been printed yet.
    pub(super) fn comments(&mut self) -> &mut Pending<'s> {
        &mut self.comments
    }

    /// Nothing.
    pub(super) fn nil(&self) -> Doc<'s> {
        self.arena.nil()
    }

    /// A text without a line break.
    pub(super) fn text(&self, text: impl Into<Cow<'s, str>>) -> Doc<'s> {
        self.arena.text(text)
    }

    /// A name, quoted where it has to be.
    pub(super) fn name(&mut self, name: &'s Name) -> Doc<'s> {
        self.arena.text(words::name(name))
    }

    /// A name in quotes.
    pub(super) fn quoted(&mut self, name: &'s Name) -> Doc<'s> {
        self.arena.text(words::string(&name.text))
    }

    /// A name that the grammar wants without quotes.
    pub(super) fn bare(&mut self, name: &'s Name) -> Doc<'s> {
        self.arena.text(&*name.text)
    }

    /// A path.
    pub(super) fn path(&mut self, path: &'s Path) -> Doc<'s> {
        self.arena.text(&*path.text)
    }

    /// A space, whatever the width.
    pub(super) fn space(&self) -> Doc<'s> {
        self.arena.space()
    }

    /// A space, or a new line where what is around it does not fit on one.
    pub(super) fn line(&self) -> Doc<'s> {
        self.arena.line()
    }

    /// Nothing, or a new line where what is around it does not fit on one.
    pub(super) fn break_(&self) -> Doc<'s> {
        self.arena.line_()
    }

    /// A new line, whatever the width.
    pub(super) fn newline(&self) -> Doc<'s> {
        self.arena.hardline()
    }

    /// The gap before a node: its usual white space, after the comments that stand there.
    pub(super) fn gap(&mut self, usual: Doc<'s>, at: At) -> Doc<'s> {
        let (notes, space) = self.parted_gap(at.0.start, usual.clone(), usual);
        notes.append(space)
    }

    /// A word and the node that it introduces. What stands on lines of its own after a comment is indented.
    pub(super) fn introduced<T: Placed + ?Sized>(
        &mut self,
        word: Doc<'s>,
        node: &'s T,
        print: impl FnOnce(&mut Self, &'s T) -> Doc<'s>,
    ) -> Doc<'s> {
        match self.notes_before(node.at().0.start) {
            None => word.append(self.space()).append(print(self, node)),
            Some((notes, new_line)) => {
                let space = if new_line { self.newline() } else { self.space() };
                word.append(notes).append(space).append(print(self, node)).nest(INDENT)
            }
        }
    }

    /// The gap before a place in two parts: the comments that stand there, and the white space after them, which is
    /// `bare` where there is none.
    pub(super) fn parted_gap(&mut self, place: u32, bare: Doc<'s>, usual: Doc<'s>) -> (Doc<'s>, Doc<'s>) {
        match self.notes_before(place) {
            None => (self.nil(), bare),
            Some((notes, true)) => (notes, self.newline()),
            Some((notes, false)) => (notes, usual),
        }
    }

    /// The comments before a place, each after white space, and whether the next thing stands on a new line: it does not
    /// where a `/* */` goes on from what it follows.
    pub(super) fn notes_before(&mut self, place: u32) -> Option<(Doc<'s>, bool)> {
        let mut notes = None;
        let mut last: Option<Note<'s>> = None;
        while let Some(note) = self.comments.next_before(place) {
            let own_line = !note.trailing || note.is_block() || last.is_some_and(|last| last.rest_of_line);
            let (doc, new_line) = notes.unwrap_or((self.nil(), false));
            let doc = doc.append(if own_line { self.newline() } else { self.space() });
            let lines = self.arena.intersperse(note.lines.iter().copied(), self.newline());
            notes = Some((doc.append(lines), new_line || own_line || note.rest_of_line));
            last = Some(note);
        }
        notes
    }

    /// A word and a node that go on on the same line if they fit there.
    pub(super) fn continued<T: Placed + ?Sized>(
        &mut self,
        word: &'static str,
        node: &'s T,
        print: impl FnOnce(&mut Self, &'s T) -> Doc<'s>,
    ) -> Doc<'s> {
        self.gap(self.line(), node.at()).append(word).append(print(self, node)).group()
    }

    /// Nodes in a row: `mark` ends each but the last, `word` opens each but the first.
    pub(super) fn row<T: Placed>(
        &mut self,
        nodes: &'s [T],
        (mark, wrap, word): (&'static str, Wrap, &'static str),
        each: impl Fn(&mut Self, &'s T) -> Doc<'s>,
    ) -> Doc<'s> {
        let mut row = self.nil();
        for (nth, node) in nodes.iter().enumerate() {
            row = if nth == 0 {
                each(self, node)
            } else {
                let next = self.gap(self.line(), node.at()).append(word).append(each(self, node));
                row.append(mark).append(match wrap {
                    Wrap::Full => next.group(),
                    Wrap::OneEach => next,
                })
            };
        }
        row
    }

    /// `a, b, c`, on as many lines as it takes.
    pub(super) fn commas<T: Placed>(&mut self, nodes: &'s [T], each: impl Fn(&mut Self, &'s T) -> Doc<'s>) -> Doc<'s> {
        self.row(nodes, (",", Wrap::Full, ""), each)
    }

    /// `[a, b]`, on one line, or between lines that are the brackets'. `end` is where it ends.
    pub(super) fn brackets<T: Placed>(
        &mut self,
        (open, close): (&'static str, &'static str),
        (nodes, wrap, end): (&'s [T], Wrap, u32),
        each: impl Fn(&mut Self, &'s T) -> Doc<'s>,
    ) -> Doc<'s> {
        let (inside, none) = match nodes.first() {
            None => (self.nil(), self.nil()),
            Some(first) => {
                let (notes, gap) = self.parted_gap(first.at().0.start, self.break_(), self.line());
                let row = self.row(nodes, (",", wrap, ""), each);
                (notes.append(gap).append(row).append(self.text(",").flat_alt(self.nil())), self.break_())
            }
        };
        let (rest, gap) = self.parted_gap(end.saturating_sub(1), none, self.break_());
        self.text(open).append(inside.append(rest).nest(INDENT)).append(gap).append(close).group()
    }

    /// A constant.
    pub(super) fn literal(&mut self, literal: &'s Literal) -> Doc<'s> {
        match &literal.kind {
            LiteralKind::List(members) => self.list(members, literal.at.0.end),
            LiteralKind::Text(_)
            | LiteralKind::Int(_)
            | LiteralKind::Bool(_)
            | LiteralKind::Ip(_)
            | LiteralKind::Cidr(_)
            | LiteralKind::Instant(_)
            | LiteralKind::Date(_)
            | LiteralKind::Duration(_)
            | LiteralKind::Ident(_)
            | LiteralKind::Held { .. } => self.text(words::constant(&literal.kind).unwrap_or_default()),
        }
    }

    /// `[a, b]`; short members share lines. `end` is where it ends.
    pub(super) fn list(&mut self, members: &'s [Literal], end: u32) -> Doc<'s> {
        let is_short = |text: &str| text.chars().nth(SHORT).is_none();
        let short = members.iter().all(|member| words::constant(&member.kind).is_some_and(|text| is_short(&text)));
        let wrap = if short { Wrap::Full } else { Wrap::OneEach };
        self.brackets(("[", "]"), (members, wrap, end), Self::literal)
    }
}

/// How many columns a document takes on one line, if it can stand on one.
pub(super) fn flat_width(doc: &Doc<'_>) -> Option<usize> {
    let text = doc.clone().group().pretty(usize::MAX).to_string();
    if text.contains('\n') { None } else { Some(text.chars().count()) }
}
