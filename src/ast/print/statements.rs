//! Statements, above all those that declare names.

use super::{
    docs::{Doc, Docs, INDENT, Placed, Wrap},
    words,
};
use crate::ast::{Assigned, At, Cond, Declaration, Item, ItemKind, Literal, Name, Path, Type, TypeKind, WindowSpan};

/// The most members of a declaration that stands on one line.
const FEW_MEMBERS: usize = 4;

impl<'s> Docs<'s> {
    /// A statement; of one with others inside, what stands before them.
    pub(super) fn statement(&mut self, item: &'s Item) -> Doc<'s> {
        let end = item.at.0.end;
        let doc = match &item.kind {
            ItemKind::Timezone(zone) => self.timezone(zone),
            ItemKind::Tiers(tiers) => self.tiers(tiers),
            ItemKind::Actions(names) => self.action_list(names),
            ItemKind::ActionGroup { name, members } => self.action_group(name, members),
            ItemKind::Kinds { of_principal, names } => self.kinds(*of_principal, names),
            ItemKind::Role { name, includes } => self.role(name, includes),
            ItemKind::Attribute { path, ty, default } => self.attribute(path, ty.as_deref(), default.as_deref()),
            ItemKind::Set { name, members } => self.set_statement(name, members, end),
            ItemKind::Window { name, spans, zone } => self.window(name, spans, zone.as_deref()),
            ItemKind::Condition { name, cond } => self.condition(name, cond),
            ItemKind::Rule(rule) => self.label(rule.label.as_ref()).append(self.rule(rule, None, end)),
            ItemKind::Invariant(claim) => self.label(claim.label.as_ref()).append(self.invariant(claim, None)),
            ItemKind::Declaration(declaration) => return self.declaration(declaration, end),
            ItemKind::On { selector, .. } => {
                return self.introduced(self.text("on"), &**selector, Self::selector).append(" {").nest(INDENT);
            }
            ItemKind::Test(test) => return self.introduced(self.text("test"), &test.name, Self::quoted).append(" {"),
        };
        doc.append(";")
    }

    /// `timezone "Europe/Berlin"`
    fn timezone(&mut self, zone: &'s Name) -> Doc<'s> {
        self.introduced(self.text("timezone"), zone, Self::quoted)
    }

    /// `tiers anonymous < seed`
    fn tiers(&mut self, tiers: &'s [Name]) -> Doc<'s> {
        let between = ("", Wrap::Full, "< ");
        self.introduced(self.text("tiers"), tiers, |docs, tiers| docs.row(tiers, between, Self::bare)).nest(INDENT)
    }

    /// `actions view, infer`
    fn action_list(&mut self, names: &'s [Name]) -> Doc<'s> {
        self.introduced(self.text("actions"), names, Self::action_names).nest(INDENT)
    }

    /// `actions write = edit, delete`
    fn action_group(&mut self, name: &'s Name, members: &'s [Name]) -> Doc<'s> {
        let name = self.introduced(self.text("actions"), name, Self::bare).append(" =");
        self.introduced(name, members, Self::action_names).nest(INDENT)
    }

    /// `kinds of principal robot`
    fn kinds(&mut self, of_principal: bool, names: &'s [Name]) -> Doc<'s> {
        let head = self.text(if of_principal { "kinds of principal" } else { "kinds" });
        self.introduced(head, names, |docs, names| docs.commas(names, Self::bare)).nest(INDENT)
    }

    /// `role admin includes editor`
    fn role(&mut self, name: &'s Name, includes: &'s [Name]) -> Doc<'s> {
        let doc = self.introduced(self.text("role"), name, Self::name);
        if includes.is_empty() {
            return doc;
        }
        let includes = self.continued("includes ", includes, |docs, roles| docs.commas(roles, Self::name));
        doc.append(includes).nest(INDENT)
    }

    /// `attribute country: text = none`
    fn attribute(&mut self, path: &'s Path, ty: Option<&'s Type>, default: Option<&'s Assigned>) -> Doc<'s> {
        let mut doc = self.introduced(self.text("attribute"), path, Self::path);
        if let Some(ty) = ty {
            doc = self.introduced(doc.append(":"), ty, Self::ty);
        }
        let Some(default) = default else { return doc.nest(INDENT) };
        doc.append(self.gap(self.space(), default.at())).append("= ").nest(INDENT).append(self.assigned(default))
    }

    fn ty(&mut self, ty: &'s Type) -> Doc<'s> {
        match &ty.kind {
            TypeKind::Bool => self.text("bool"),
            TypeKind::Int(None) => self.text("int"),
            TypeKind::Int(Some((low, high))) => self.text(format!("int {}..{}", words::int(*low), words::int(*high))),
            TypeKind::Text => self.text("text"),
            TypeKind::Ip => self.text("ip"),
            TypeKind::Time => self.text("time"),
            TypeKind::Tier => self.text("tier"),
            TypeKind::SetOfText => self.text("set of text"),
            TypeKind::OneOf(names) => {
                let between = ("", Wrap::Full, "| ");
                self.introduced(self.text("one of"), &**names, |docs, names| docs.row(names, between, Self::bare))
            }
        }
    }

    /// A value that an attribute is given.
    pub(super) fn assigned(&mut self, value: &'s Assigned) -> Doc<'s> {
        match value {
            Assigned::Literal(literal) => self.literal(literal),
            Assigned::None(_) => self.text("none"),
            Assigned::Unknown(_) => self.text("unknown"),
        }
    }

    /// `set intranet = [10.0.0.0/8]`; `end` is where the statement ends.
    fn set_statement(&mut self, name: &'s Name, members: &'s [Literal], end: u32) -> Doc<'s> {
        let doc = self.introduced(self.text("set"), name, Self::bare);
        doc.append(" = ").append(self.list(members, end.saturating_sub(1)))
    }

    /// `window office = mon..fri 09:00..18:00 in "Europe/Berlin"`
    fn window(&mut self, name: &'s Name, spans: &'s [WindowSpan], zone: Option<&'s Name>) -> Doc<'s> {
        let span = |docs: &mut Self, span| docs.text(words::span(span));
        let name = self.introduced(self.text("window"), name, Self::bare).append(" =");
        let doc = self.introduced(name, spans, |docs, spans| docs.commas(spans, span));
        let Some(zone) = zone else { return doc.nest(INDENT) };
        doc.append(self.continued("in ", zone, Self::quoted)).nest(INDENT)
    }

    /// `condition trusted = ip in intranet`
    fn condition(&mut self, name: &'s Name, cond: &'s Cond) -> Doc<'s> {
        let name = self.introduced(self.text("condition"), name, Self::bare).append(" =");
        self.introduced(name, cond, Self::cond)
    }

    /// `model "x" { tier: seed; }`; `end` is where it ends.
    fn declaration(&mut self, declaration: &'s Declaration, end: u32) -> Doc<'s> {
        let Declaration { kind, id, members } = declaration;
        let kind = self.bare(kind);
        let head = self.introduced(kind, id, Self::quoted).append(" {");
        let few = members.len() <= FEW_MEMBERS;
        let mut body = self.nil();
        for (name, value) in members {
            let line = if few { self.line() } else { self.newline() };
            let gap = self.gap(line, name.at);
            let name = self.bare(name).append(":");
            body = body.append(gap).append(self.introduced(name, value, Self::assigned)).append(";");
        }
        let none = if members.is_empty() { self.nil() } else { self.line() };
        let (rest, line) = self.parted_gap(end.saturating_sub(1), none, self.line());
        head.append(body.append(rest).nest(INDENT)).append(line).append("}").group()
    }
}

impl Placed for Assigned {
    fn at(&self) -> At {
        match self {
            Self::Literal(literal) => literal.at,
            Self::None(at) | Self::Unknown(at) => *at,
        }
    }
}
