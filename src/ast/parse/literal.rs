//! Names, strings and constants.

use super::{
    grammar::Rule,
    node::{Node, Problem, Read},
};
use crate::{
    ast::{Assigned, Duration, DurationUnit, Int, Literal, LiteralKind, Name, Path},
    report::codes,
};
use chrono::{DateTime, FixedOffset, NaiveDate};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};

/// An identifier, or what a string says.
pub(super) fn name(node: Node<'_>) -> Read<Name> {
    let text = if node.text().starts_with('"') { unescape(&node)? } else { node.kept(node.text()) };
    Ok(Name { text, at: node.at() })
}

/// A dotted path.
pub(super) fn path(node: Node<'_>) -> Read<Path> {
    Ok(Path { text: node.kept(node.text()), at: node.at() })
}

/// A constant.
pub(super) fn literal(node: Node<'_>) -> Read<Literal> {
    let at = node.at();
    let kind = node.read_as(&[
        (Rule::named, named),
        (Rule::string, |node| Ok(LiteralKind::Text(unescape(&node)?))),
        (Rule::address, address),
        (Rule::instant, |node| Ok(LiteralKind::Instant(instant(node)?))),
        (Rule::date, |node| Ok(LiteralKind::Date(date(node)?))),
        (Rule::duration, |node| Ok(LiteralKind::Duration(duration(node)?))),
        (Rule::int, |node| Ok(LiteralKind::Int(int(node)?))),
        (Rule::boolean, |node| Ok(LiteralKind::Bool(node.text() == "true"))),
        (Rule::list, |node| Ok(LiteralKind::List(list(node)?))),
    ])?;
    Ok(Literal { kind, at })
}

/// The members of a list.
pub(super) fn list(node: Node<'_>) -> Read<Vec<Literal>> {
    node.parts().all(literal)
}

/// `none`, `unknown` or a constant.
pub(super) fn assigned(node: Node<'_>) -> Read<Assigned> {
    Ok(if node.rule() == Rule::none {
        Assigned::None(node.at())
    } else if node.rule() == Rule::unknown {
        Assigned::Unknown(node.at())
    } else {
        Assigned::Literal(literal(node)?)
    })
}

/// A whole number.
pub(super) fn int(node: Node<'_>) -> Read<Int> {
    let text = node.text();
    let grouped = text.contains('_');
    let value = if grouped { text.replace('_', "").parse() } else { text.parse() };
    let value = value.map_err(|_| {
        let least = if text.starts_with('-') { i64::MIN } else { i64::MAX };
        bad(&node, format!("`{text}` is beyond `{least}`"))
    })?;
    // Below a thousand there is nothing to group.
    Ok(Int { value, grouped: grouped && value.unsigned_abs() >= 1_000 })
}

/// A span of time.
pub(super) fn duration(node: Node<'_>) -> Read<Duration> {
    let text = node.text();
    let unit = DurationUnit::ALL.into_iter().find(|unit| text.ends_with(unit.symbol()));
    let amount = text.get(..text.len().saturating_sub(1)).unwrap_or_default().parse();
    match (unit, amount) {
        (Some(unit), Ok(amount)) => Ok(Duration { amount, unit }),
        _ => {
            Err(bad(&node, format!("`{text}` is longer than `{}{}`", u32::MAX, unit.map_or("", DurationUnit::symbol))))
        }
    }
}

/// A date.
pub(super) fn date(node: Node<'_>) -> Read<NaiveDate> {
    let text = node.text();
    text.parse().map_err(|_| bad(&node, format!("there is no day `{text}`")))
}

/// An instant with its offset.
pub(super) fn instant(node: Node<'_>) -> Read<DateTime<FixedOffset>> {
    let text = node.text();
    DateTime::parse_from_rfc3339(text).map_err(|_| bad(&node, format!("there is no instant `{text}`")))
}

fn named(node: Node<'_>) -> Read<LiteralKind> {
    let mut parts = node.parts();
    let word = parts.expect(Rule::name)?;
    if let Some(org) = parts.next_if(Rule::string) {
        return Ok(LiteralKind::Held { role: Box::new(name(word)?), org: Box::new(name(org)?) });
    }
    let quoted = word.text().starts_with('"');
    let text = name(word)?.text;
    Ok(if quoted { LiteralKind::Text(text) } else { LiteralKind::Ident(text) })
}

fn address(node: Node<'_>) -> Read<LiteralKind> {
    let text = node.text();
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let ip: IpAddr = address.parse().map_err(|_| bad(&node, format!("there is no address `{address}`")))?;
    let Some(length) = length else {
        return Ok(LiteralKind::Ip(ip));
    };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let net = length.parse().ok().and_then(|length| IpNet::new(ip, length).ok());
    let net = net.ok_or_else(|| bad(&node, format!("a block of such addresses is from `/0` to `/{longest}`")))?;
    Ok(LiteralKind::Cidr(net))
}

/// What a string says.
fn unescape(node: &Node<'_>) -> Read<Arc<str>> {
    let quoted = node.text();
    let body = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    if !body.contains('\\') {
        return Ok(node.kept(body));
    }
    let mut said = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        said.push_str(plain);
        let (c, length) = escaped(escape).ok_or_else(|| {
            let start = quoted.len().saturating_sub(escape.len()).saturating_sub(1);
            bad_escape(node, start, escape)
        })?;
        said.push(c);
        rest = escape.get(length..).unwrap_or_default();
    }
    said.push_str(rest);
    Ok(node.kept(&said))
}

/// The character that an escape at the start of a text stands for, and the escape's length.
fn escaped(text: &str) -> Option<(char, usize)> {
    match text.chars().nth(1)? {
        '"' => Some(('"', 2)),
        '\\' => Some(('\\', 2)),
        'n' => Some(('\n', 2)),
        't' => Some(('\t', 2)),
        'u' => {
            let digits = text.strip_prefix("\\u{")?.split_once('}')?.0;
            let all_hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits, 16).ok().filter(|_| all_hex)?;
            Some((char::from_u32(code)?, digits.len().saturating_add(4)))
        }
        _ => None,
    }
}

fn bad_escape(node: &Node<'_>, start: usize, escape: &str) -> Problem {
    let unicode = escape.starts_with("\\u");
    let braced = escape.strip_prefix("\\u{").and_then(|rest| rest.split_once('}')).filter(|(code, _)| code.len() < 20);
    let length = match (braced, escape.chars().nth(1)) {
        (Some((code, _)), _) => code.len().saturating_add(4),
        (None, next) => next.map_or(1, |c| c.len_utf8().saturating_add(1)),
    };
    let shown = escape.get(..length).unwrap_or(escape);
    let help = if unicode {
        "write a character's code in hexadecimal digits: `\\u{e9}`"
    } else {
        "write `\\\\` for a backslash; the escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{…}`"
    };
    let span = node.part(start, start.saturating_add(length));
    Box::new(
        crate::report::Diagnostic::new(codes::BAD_LITERAL, span, format!("there is no escape `{shown}`")).help(help),
    )
}

fn bad(node: &Node<'_>, message: String) -> Problem {
    Box::new(node.problem(codes::BAD_LITERAL, message))
}
