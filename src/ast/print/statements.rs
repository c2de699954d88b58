//! Statements, above all those that declare names.

use super::{
    docs::{Doc, Docs, INDENT, Placed},
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
            ItemKind::Actions(names) => self.actions_statement(names),
            ItemKind::ActionGroup { name, members } => self.action_group(name, members),
            ItemKind::Kinds { of_principal, names } => self.kinds(*of_principal, names),
            ItemKind::Role { name, includes } => self.role(name, includes),
            ItemKind::Attribute { path, ty, default } => self.attribute(path, ty.as_ref(), default.as_ref()),
            ItemKind::Set { name, members } => self.set_statement(name, members, end),
            ItemKind::Window { name, spans, zone } => self.window(name, spans, zone.as_ref()),
            ItemKind::Condition { name, cond } => self.condition(name, cond),
            ItemKind::Rule(rule) => self.label(rule.label.as_ref()).append(self.rule(rule, None, end)),
            ItemKind::Invariant(claim) => self.label(claim.label.as_ref()).append(self.invariant(claim, None)),
            ItemKind::Declaration(declaration) => return self.declaration(declaration, end),
            ItemKind::On { selector, .. } => {
                let gap = self.gap(self.space(), selector.at);
                return self.text("on").append(gap).append(self.selector(selector)).append(" {").nest(INDENT);
            }
            ItemKind::Test(test) => {
                let gap = self.gap(self.space(), test.name.at);
                return self.text("test").append(gap).append(self.string(&test.name)).append(" {").nest(INDENT);
            }
        };
        doc.append(";")
    }

    /// `timezone "Europe/Berlin"`
    fn timezone(&mut self, zone: &'s Name) -> Doc<'s> {
        self.text("timezone").append(self.gap(self.space(), zone.at)).append(self.string(zone)).nest(INDENT)
    }

    /// `tiers anonymous < seed`
    fn tiers(&mut self, tiers: &'s [Name]) -> Doc<'s> {
        let gap = self.gap(self.space(), tiers.at());
        let fill = self.fill();
        self.text("tiers")
            .append(gap)
            .append(self.row(tiers, ("", fill, "< "), |docs, tier| docs.word(tier)))
            .nest(INDENT)
    }

    /// `actions view, infer`
    fn actions_statement(&mut self, names: &'s [Name]) -> Doc<'s> {
        let gap = self.gap(self.space(), names.at());
        self.text("actions").append(gap).append(self.action_names(names)).nest(INDENT)
    }

    /// `actions write = edit, delete`
    fn action_group(&mut self, name: &'s Name, members: &'s [Name]) -> Doc<'s> {
        let doc = self.text("actions").append(self.gap(self.space(), name.at)).append(self.word(name)).append(" =");
        doc.append(self.gap(self.space(), members.at())).append(self.action_names(members)).nest(INDENT)
    }

    /// `kinds of principal robot`
    fn kinds(&mut self, of_principal: bool, names: &'s [Name]) -> Doc<'s> {
        let gap = self.gap(self.space(), names.at());
        let head = self.text(if of_principal { "kinds of principal" } else { "kinds" });
        head.append(gap).append(self.commas(names, |docs, kind| docs.word(kind))).nest(INDENT)
    }

    /// `role admin includes editor`
    fn role(&mut self, name: &'s Name, includes: &'s [Name]) -> Doc<'s> {
        let doc = self.text("role").append(self.gap(self.space(), name.at)).append(self.name(name));
        if includes.is_empty() {
            return doc.nest(INDENT);
        }
        let gap = self.gap(self.space(), includes.at());
        doc.append(gap).append("includes ").append(self.commas(includes, |docs, role| docs.name(role))).nest(INDENT)
    }

    /// `attribute country: text = none`
    fn attribute(&mut self, path: &'s Path, ty: Option<&'s Type>, default: Option<&'s Assigned>) -> Doc<'s> {
        let mut doc = self.text("attribute").append(self.gap(self.space(), path.at)).append(self.path(path));
        if let Some(ty) = ty {
            doc = doc.append(":").append(self.gap(self.space(), ty.at)).append(self.ty(ty));
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
                let gap = self.gap(self.space(), names.at());
                let fill = self.fill();
                self.text("one of").append(gap).append(self.row(names, ("", fill, "| "), |docs, name| docs.word(name)))
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
        let doc = self.text("set").append(self.gap(self.space(), name.at)).append(self.word(name));
        doc.append(" = ").nest(INDENT).append(self.list(members, end.saturating_sub(1)))
    }

    /// `window office = mon..fri 09:00..18:00 in "Europe/Berlin"`
    fn window(&mut self, name: &'s Name, spans: &'s [WindowSpan], zone: Option<&'s Name>) -> Doc<'s> {
        let doc = self.text("window").append(self.gap(self.space(), name.at)).append(self.word(name)).append(" =");
        let gap = self.gap(self.space(), spans.at());
        let doc = doc.append(gap).append(self.commas(spans, |docs, span| docs.text(words::span(span))));
        let Some(zone) = zone else { return doc.nest(INDENT) };
        doc.append(self.gap(self.fill(), zone.at)).append("in ").append(self.string(zone)).nest(INDENT)
    }

    /// `condition trusted = ip in intranet`
    fn condition(&mut self, name: &'s Name, cond: &'s Cond) -> Doc<'s> {
        let doc = self.text("condition").append(self.gap(self.space(), name.at)).append(self.word(name)).append(" =");
        self.introduced(doc.nest(INDENT), cond, Self::cond)
    }

    /// `model "x" { tier: seed; }`; `end` is where it ends.
    fn declaration(&mut self, declaration: &'s Declaration, end: u32) -> Doc<'s> {
        let Declaration { kind, id, members } = declaration;
        let head = self.word(kind).append(self.gap(self.space(), id.at)).append(self.string(id)).append(" {");
        let few = members.len() <= FEW_MEMBERS;
        let mut body = self.nil();
        for (name, value) in members {
            let line = if few { self.line() } else { self.newline() };
            body = body.append(self.gap(line, name.at)).append(self.word(name)).append(":");
            body =
                body.append(self.gap(self.space(), value.at()).nest(INDENT)).append(self.assigned(value)).append(";");
        }
        let bare = if members.is_empty() { self.nil() } else { self.line() };
        let (rest, line) = self.parted_gap(end.saturating_sub(1), bare, self.line());
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
