//! Attributes with their types and defaults, and declared principals and resources.

use super::{
    entity::Entity,
    infer::{find_attribute, quoted, split, typed},
    names::suggestion,
    resolve::{Declared, Names, Space, given_twice, twice},
    vocabulary::{AttrId, Owner, Type, Vocabulary, builtin},
};
use crate::{
    ast::{Assigned, Declaration, Item, ItemKind, LiteralKind, Name, Path, TypeKind},
    glob::Glob,
    report::{Diagnostic, codes},
    source::Span,
    value::{HeldRole, Tier, Value},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Adds the declared attributes to the vocabulary.
pub(super) fn attributes(
    vocabulary: &mut Vocabulary,
    names: &mut Names,
    declared: &Declared<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for decl in &declared.attributes {
        let (owner, name) = match split(vocabulary, &decl.path.text) {
            Ok(found) => found,
            Err(_) => {
                diagnostics.extend(find_attribute(vocabulary, names, decl.path).err().map(|diagnostic| *diagnostic));
                continue;
            }
        };
        let key: (Space, Arc<str>) = (Space::Attribute, owner.path(name).into());
        if let Some(first) = names.places.get(&key) {
            diagnostics.push(twice("attribute", &decl.path.text, decl.path.at.0, *first));
            continue;
        }
        // What else has its name does not make it unknown.
        if let Some(other) = names.place(Space::Bare, &key.1) {
            diagnostics.push(twice("name", &key.1, decl.path.at.0, other));
        }
        names.places.insert(key, decl.path.at.0);
        let ty = decl.ty.map(|ty| declared_type(ty, diagnostics));
        let default = |vocabulary: &Vocabulary, ty: &Type, diagnostics: &mut Vec<Diagnostic>| match decl.default? {
            Assigned::None(_) => Some(Value::None),
            Assigned::Unknown(at) => {
                let message = "`unknown` is no default".to_owned();
                let help = "an attribute without a default is unknown where a request does not give it";
                diagnostics.push(Diagnostic::new(codes::TYPE_MISMATCH, at.0, message).help(help));
                None
            }
            Assigned::Literal(literal) => typed(vocabulary, names, literal, ty, diagnostics),
        };
        if let Some(attr) = vocabulary.attribute(owner, name) {
            let built_in = vocabulary.attributes[attr].ty.clone();
            let value = default(vocabulary, &built_in, diagnostics);
            if let Err(diagnostic) = redefine(vocabulary, attr, decl.path, ty.as_ref(), decl.ty.map(|ty| ty.at.0)) {
                diagnostics.push(diagnostic);
            } else if let (Some(row), Some(value)) = (vocabulary.attributes.get_mut(attr), value) {
                row.default = Some(value);
            }
            continue;
        }
        let Some(ty) = ty else {
            let message = format!("attribute `{}` has no type", decl.path.text);
            let help = format!("write `attribute {}: text;`, or another type", decl.path.text);
            diagnostics.push(Diagnostic::new(codes::TYPE_MISMATCH, decl.path.at.0, message).help(help));
            continue;
        };
        let value = default(vocabulary, &ty, diagnostics);
        vocabulary.add_attribute(owner, name.into(), ty, value, Some(decl.path.at.0));
    }
}

/// A built-in attribute can be given a default; its type stays.
fn redefine(
    vocabulary: &Vocabulary,
    attr: AttrId,
    path: &Path,
    ty: Option<&Type>,
    ty_at: Option<Span>,
) -> Result<(), Diagnostic> {
    if builtin::ALWAYS_GIVEN.contains(&attr) {
        let message = format!("`{}` is part of every request and has no default", path.text);
        return Err(Diagnostic::new(codes::BAD_DECLARATION, path.at.0, message).help("remove this statement"));
    }
    let built_in = &vocabulary.attributes[attr].ty;
    let same = |ty: &Type| ty == built_in || (*ty == Type::Texts && *built_in == Type::Roles);
    if let (Some(ty), Some(at)) = (ty, ty_at)
        && !same(ty)
    {
        let message = format!("`{}` is built in as {}", path.text, built_in.words());
        return Err(Diagnostic::new(codes::TYPE_MISMATCH, at, message).help("leave out the type"));
    }
    Ok(())
}

fn declared_type(ty: &crate::ast::Type, diagnostics: &mut Vec<Diagnostic>) -> Type {
    match &ty.kind {
        TypeKind::Bool => Type::Bool,
        TypeKind::Int(None) => Type::Int(i64::MIN, i64::MAX),
        TypeKind::Int(Some((min, max))) if min.value <= max.value => Type::Int(min.value, max.value),
        TypeKind::Int(Some((min, max))) => {
            let message = format!("no number is from {} to {}", min.value, max.value);
            diagnostics.push(Diagnostic::new(codes::OUT_OF_RANGE, ty.at.0, message).help("exchange the two ends"));
            Type::Int(max.value, min.value)
        }
        TypeKind::Text => Type::Text,
        TypeKind::Ip => Type::Ip,
        TypeKind::Time => Type::Time,
        TypeKind::Tier => Type::Tier,
        TypeKind::SetOfText => Type::Texts,
        TypeKind::OneOf(names) => {
            let mut constants: Vec<Arc<str>> = Vec::new();
            for name in names {
                if constants.contains(&name.text) {
                    let message = format!("constant `{}` is listed twice", name.text);
                    diagnostics.push(Diagnostic::new(codes::DECLARED_TWICE, name.at.0, message).help("remove one"));
                } else {
                    constants.push(name.text.clone());
                }
            }
            Type::OneOf(constants.into())
        }
    }
}

/// An attribute that has members can have no value of its own: no request could give both.
pub(super) fn members_of_values(vocabulary: &Vocabulary, diagnostics: &mut Vec<Diagnostic>) {
    for row in vocabulary.attributes.iter() {
        let outer = row.name.match_indices('.').filter_map(|(dot, _)| row.name.get(..dot));
        let outer = outer.filter_map(|name| vocabulary.attribute(row.owner, name)).next();
        if let (Some(outer), Some(at)) = (outer.map(|attr| &vocabulary.attributes[attr]), row.at) {
            let message =
                format!("`{}` cannot be a member of `{}`, which has a value of its own", row.path, outer.path);
            let help = "choose another name for one of the two: no request could give both";
            let mut diagnostic = Diagnostic::new(codes::BAD_DECLARATION, at, message).help(help);
            if let Some(outer_at) = outer.at {
                diagnostic = diagnostic.also(outer_at, "declared with a value here");
            }
            diagnostics.push(diagnostic);
        }
    }
}

/// What a bare name in a condition can be may not be spelt like a constant of a tier or an enumeration, nor like a built-in
/// attribute.
pub(super) fn clashes(vocabulary: &Vocabulary, names: &Names, diagnostics: &mut Vec<Diagnostic>) {
    let built_in = |name: &str| {
        let attr = vocabulary.attribute(Owner::Context, name);
        attr.is_some_and(|attr| vocabulary.attributes[attr].at.is_none()) || ["tier", "org", "roles"].contains(&name)
    };
    let mut clash = |at: Span, message: String| {
        let help = "choose another name: in a comparison it could not be told from the constant";
        diagnostics.push(Diagnostic::new(codes::CLASHING_NAME, at, message).help(help));
    };
    let mut constants: BTreeSet<&str> = vocabulary.tiers.iter().map(|name| &**name).collect();
    for attribute in vocabulary.attributes.iter() {
        let Type::OneOf(names) = &attribute.ty else { continue };
        constants.extend(names.iter().map(|name| &**name));
        for name in names.iter().filter(|name| built_in(name)) {
            if let Some(at) = attribute.at {
                clash(at, format!("the constant `{name}` is spelt like a built-in attribute"));
            }
        }
    }
    for ((space, name), at) in &names.places {
        let bare = matches!(space, Space::Bare) || (matches!(space, Space::Attribute) && !name.contains('.'));
        if bare && constants.contains(&**name) {
            clash(*at, format!("`{name}` is spelt like a tier or a constant of an enumeration"));
        }
        if matches!(space, Space::Tier) && built_in(name) {
            clash(*at, format!("the tier `{name}` is spelt like a built-in attribute"));
        }
    }
    for ((_, name), at) in names.places.iter().filter(|((space, name), _)| *space == Space::Bare && built_in(name)) {
        let message = format!("`{name}` is a built-in attribute");
        diagnostics.push(Diagnostic::new(codes::DECLARED_TWICE, *at, message).help("choose another name"));
    }
}

/// Adds the declared principals and resources of a file to the vocabulary; `data` says whether it is a catalog.
pub(super) fn declarations(
    vocabulary: &mut Vocabulary,
    names: &Names,
    statements: &[Item],
    data: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for item in statements {
        if let ItemKind::Declaration(declaration) = &item.kind {
            declare(vocabulary, names, data, declaration, diagnostics);
        }
    }
}

fn declare(
    vocabulary: &mut Vocabulary,
    names: &Names,
    data: bool,
    declaration: &Declaration,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let kind = &declaration.kind;
    let owner = if &*kind.text == "anonymous" {
        let message = "`anonymous` has no attributes to declare";
        diagnostics.push(
            Diagnostic::new(codes::BAD_DECLARATION, kind.at.0, message)
                .help("it has no roles, no organisation and no id, and the lowest tier"),
        );
        return;
    } else if vocabulary.principal_kinds.contains(&kind.text) {
        Owner::Principal
    } else if vocabulary.resource_kinds.contains(&kind.text) {
        Owner::Resource
    } else {
        let known = vocabulary.principal_kinds.iter().chain(&vocabulary.resource_kinds).map(|kind| &**kind);
        let help = suggestion(&kind.text, known)
            .unwrap_or_else(|| format!("declare it: `kinds {0};` or `kinds of principal {0};`", kind.text));
        let message = format!("unknown kind `{}`", kind.text);
        diagnostics.push(Diagnostic::new(codes::UNKNOWN_KIND, kind.at.0, message).help(help));
        return;
    };
    let mut values = BTreeMap::new();
    if owner == Owner::Resource {
        // A declaration always fixes these two.
        values.insert(builtin::RESOURCE_TIER, Value::Tier(Tier(0)));
        values.insert(builtin::RESOURCE_TAGS, Value::Texts(BTreeSet::new()));
    }
    let mut seen: BTreeMap<AttrId, Span> = BTreeMap::new();
    for (name, assigned) in &declaration.members {
        let Some(attr) = member(vocabulary, owner, name, diagnostics) else { continue };
        if let Some(first) = seen.insert(attr, name.at.0) {
            diagnostics.push(given_twice(&name.text, name.at.0, first));
        } else {
            let mut found = Vec::new();
            values.extend(member_value(vocabulary, names, data, attr, assigned, &mut found).map(|value| (attr, value)));
            // In a catalog the place is that of the whole entity.
            diagnostics.extend(found.into_iter().map(|found| if data { of_member(&name.text, found) } else { found }));
        }
    }
    let entity = Entity { kind: kind.text.clone(), id: declaration.id.text.clone(), values, at: declaration.id.at.0 };
    insert(vocabulary, owner, &declaration.id, entity, diagnostics);
}

/// An error that says which member it speaks of.
fn of_member(name: &str, found: Diagnostic) -> Diagnostic {
    let help = found.help_text().map(str::to_owned);
    Diagnostic::new(found.code(), found.span(), format!("`{name}`: {}", found.message())).maybe_help(help)
}

fn insert(vocabulary: &mut Vocabulary, owner: Owner, id: &Name, entity: Entity, diagnostics: &mut Vec<Diagnostic>) {
    let (entities, glob) = if owner == Owner::Principal {
        (&mut vocabulary.principals, Glob::text(&id.text))
    } else {
        (&mut vocabulary.resources, Glob::resource(&id.text))
    };
    let glob = match glob {
        Ok(glob) => glob,
        Err(error) => {
            let message = format!("malformed pattern {}: {error}", quoted(&id.text));
            diagnostics.push(Diagnostic::new(codes::BAD_PATTERN, id.at.0, message));
            return;
        }
    };
    if let Some(literal) = glob.literal().map(Arc::from) {
        if let Some(earlier) = entities.insert_exact(literal, entity.clone()) {
            let what = format!("{} {}", entity.kind, quoted(&id.text));
            diagnostics.push(
                Diagnostic::new(codes::DECLARED_TWICE, id.at.0, format!("{what} is declared twice"))
                    .label("declared again here")
                    .also(earlier.at, "declared first here")
                    .help("put all its attributes into one declaration"),
            );
        }
    } else if let Some(earlier) = entities.insert_pattern(glob, entity) {
        let message = format!("patterns {} and {} can match the same id", quoted(&id.text), quoted(&earlier.id));
        diagnostics.push(
            Diagnostic::new(codes::OVERLAPPING_PATTERNS, id.at.0, message)
                .label("this pattern")
                .also(earlier.at, "overlaps this one")
                .help("make the patterns disjoint: an id must have one declaration, an exact one or a pattern"),
        );
    }
}

fn member(vocabulary: &Vocabulary, owner: Owner, name: &Name, diagnostics: &mut Vec<Diagnostic>) -> Option<AttrId> {
    let fixed = builtin::ALWAYS_GIVEN.map(|attr| vocabulary.attributes[attr].path.clone());
    let attr = vocabulary.attribute(owner, &name.text);
    match attr {
        Some(attr) if attr == builtin::PRINCIPAL_GRANTED => {
            let message = "`granted` depends on the resource and cannot be declared";
            let help = "access grants are given by the service, or in a request's `granted`";
            diagnostics.push(Diagnostic::new(codes::BAD_DECLARATION, name.at.0, message).help(help));
            None
        }
        Some(attr) if builtin::ALWAYS_GIVEN.contains(&attr) => {
            let message = format!("`{}` cannot be declared: every {} has one already", name.text, owner.word());
            diagnostics.push(Diagnostic::new(codes::BAD_DECLARATION, name.at.0, message).help("remove this member"));
            None
        }
        Some(attr) => Some(attr),
        None => {
            let known = vocabulary
                .attributes
                .iter()
                .filter(|attribute| attribute.owner == owner && !fixed.contains(&attribute.path))
                .map(|attribute| &*attribute.name);
            let help = super::names::nearest(&name.text, known).map_or_else(
                || format!("declare it: `attribute {}: …;`", owner.path(&name.text)),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("unknown attribute `{}`", owner.path(&name.text));
            diagnostics.push(Diagnostic::new(codes::UNKNOWN_ATTRIBUTE, name.at.0, message).help(help));
            None
        }
    }
}

fn member_value(
    vocabulary: &Vocabulary,
    names: &Names,
    data: bool,
    attr: AttrId,
    assigned: &Assigned,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let ty = &vocabulary.attributes[attr].ty;
    match assigned {
        Assigned::None(_) => Some(Value::None),
        Assigned::Unknown(at) => {
            let message = "`unknown` is for tests only";
            diagnostics.push(
                Diagnostic::new(codes::TYPE_MISMATCH, at.0, message).help("leave the member out, or write `none`"),
            );
            None
        }
        Assigned::Literal(literal) => {
            if data && let LiteralKind::Text(text) = &literal.kind {
                let value = from_data(vocabulary, ty, text);
                return value
                    .map_err(|message| diagnostics.push(Diagnostic::new(codes::TYPE_MISMATCH, literal.at.0, message)))
                    .ok();
            }
            typed(vocabulary, names, literal, ty, diagnostics)
        }
    }
}

/// The value of a text in a catalog, where a text can stand for anything.
fn from_data(vocabulary: &Vocabulary, ty: &Type, text: &str) -> Result<Value, String> {
    let expected = || format!("expected {}, found `{text}`", ty.words());
    match ty {
        Type::Bool => text.parse().map(Value::Bool).map_err(|_| expected()),
        Type::Int(min, max) => {
            let int: i64 = text.parse().map_err(|_| expected())?;
            if (*min..=*max).contains(&int) { Ok(Value::Int(int)) } else { Err(expected()) }
        }
        Type::Texts => Ok(Value::Texts(BTreeSet::from([Arc::from(text)]))),
        Type::Roles => Ok(Value::Roles(BTreeSet::from([HeldRole { role: text.into(), org: None }]))),
        Type::Text | Type::Ip | Type::Time | Type::Tier | Type::OneOf(_) | Type::Kind | Type::Action => {
            vocabulary.read_text(ty, text)
        }
    }
}
