//! What the gateway must know of a form with files (RFC 7578), as recordings are sent: the model that it names.
//!
//! Forms are read in many ways. What is taken here is what clients send; a part that another reader might take for another
//! one is refused.

use super::{
    asked::{Asked, Place, Stream, Written, check_name},
    error::Fault,
    settings::Tokens,
};

/// How many parts a form may have.
const MOST_PARTS: usize = 64;

/// What a form asks for.
pub(super) fn form(body: &[u8], content_type: &str, tokens: &Tokens) -> Result<Asked, Fault> {
    let boundary = boundary(content_type).ok_or_else(|| Fault::bad("the form's type tells no boundary"))?;
    let mut model = None;
    let mut files = 0_u64;
    for part in parts(body, boundary)? {
        match part.name.as_str() {
            "model" if model.is_some() => return Err(Fault::bad("the form has `model` twice")),
            "model" if part.is_file => return Err(Fault::about("model", "`model` must be a text, not a file")),
            "model" => {
                let value = body.get(part.at.clone()).unwrap_or_default();
                let name = std::str::from_utf8(value).map_err(|_| Fault::about("model", "`model` is not UTF-8"))?;
                check_name(name)?;
                model = Some((name.to_owned(), Place { at: part.at, written: Written::Plainly }));
            }
            other if other.eq_ignore_ascii_case("model") => {
                return Err(Fault::bad(format!("the form has a part `{other}`: write `model`")));
            }
            _ => files = files.saturating_add(u64::from(part.is_file)),
        }
    }
    // A stream of a recording's text tells what was used at its end by itself.
    Ok(Asked { model, stream: Stream::Counted, tokens: tokens.reckon(0, files) })
}

/// The boundary that a type tells.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    });
    let value = found.next()?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    let fits = !value.is_empty() && value.len() <= 70 && value.bytes().all(is_plain) && found.next().is_none();
    fits.then_some(value)
}

/// A part of a form.
struct Part {
    name: String,
    is_file: bool,
    /// Where its value stands.
    at: std::ops::Range<usize>,
}

/// The parts of a form, which has nothing before the first and nothing behind the last.
fn parts(body: &[u8], boundary: &str) -> Result<Vec<Part>, Fault> {
    let broken = || Fault::bad("the form is not whole: it begins and ends with its boundary, and each part has a head");
    let first = format!("--{boundary}\r\n");
    let between = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    if !body.starts_with(first.as_bytes()) {
        return Err(broken());
    }
    let mut at = first.len();
    loop {
        let rest = body.get(at..).ok_or_else(broken)?;
        let head = find(rest, b"\r\n\r\n").ok_or_else(broken)?;
        let start = at.saturating_add(head).saturating_add(4);
        let length = body.get(start..).and_then(|value| find(value, between.as_bytes())).ok_or_else(broken)?;
        let end = start.saturating_add(length);
        let (name, is_file) = rest.get(..head).and_then(named).ok_or_else(|| {
            Fault::bad("a part of the form is not named plainly: `Content-Disposition: form-data; name=\"…\"`")
        })?;
        parts.push(Part { name, is_file, at: start..end });
        if parts.len() > MOST_PARTS {
            return Err(Fault::bad(format!("the form has more than {MOST_PARTS} parts")));
        }
        at = end.saturating_add(between.len());
        match body.get(at..).unwrap_or_default() {
            b"--" | b"--\r\n" => return Ok(parts),
            next if next.starts_with(b"\r\n") => at = at.saturating_add(2),
            _ => return Err(broken()),
        }
    }
}

/// The name that a part's head gives, and whether it is a file.
fn named(head: &[u8]) -> Option<(String, bool)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut named = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") {
            if named.is_some() {
                return None;
            }
            named = Some(disposition(value.trim())?);
        } else if !name.eq_ignore_ascii_case("content-type") && !name.eq_ignore_ascii_case("content-length") {
            // An encoding would give the value another meaning; a folded line belongs to the one before.
            return None;
        }
    }
    named
}

/// What `form-data; name="model"; filename="a.wav"` names.
fn disposition(text: &str) -> Option<(String, bool)> {
    let mut rest = text.strip_prefix("form-data")?;
    let (mut name, mut is_file) = (None, false);
    while !rest.is_empty() {
        let (key, value) = rest.trim_start().strip_prefix(';')?.trim_start().split_once("=\"")?;
        let (value, behind) = value.split_once('"')?;
        // A backslash may escape what follows, or stand for itself.
        let is_plain = !value.contains('\\') && !value.chars().any(char::is_control);
        match key {
            "name" if name.is_none() && is_plain => name = Some(value.to_owned()),
            "filename" if !is_file && is_plain => is_file = true,
            _ => return None,
        }
        rest = behind;
    }
    Some((name?, is_file))
}

/// Where some bytes stand first.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let found = bytes.get(from..)?.iter().position(|byte| *byte == first)?.saturating_add(from);
        if bytes.get(found..)?.starts_with(wanted) {
            return Some(found);
        }
        from = found.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::form;
    use crate::server::gateway::settings::Tokens;

    const TYPE: &str = "multipart/form-data; boundary=x-1";

    fn model(content_type: &str, body: &str) -> Result<Option<String>, String> {
        let asked = form(body.as_bytes(), content_type, &Tokens::default());
        asked.map(|asked| asked.model.map(|(name, _)| name)).map_err(|fault| fault.to_string())
    }

    fn part(head: &str, value: &str) -> String {
        format!("--x-1\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    }

    #[test]
    fn a_form_names_its_model() {
        let file = part("name=\"file\"; filename=\"a \u{fc}.wav\"", "RIFF\r\n--x-\r\n\r\n");
        let whole = format!("{file}{}--x-1--\r\n", part("name=\"model\"", "whisper-1"));
        assert_eq!(model(TYPE, &whole), Ok(Some("whisper-1".to_owned())));
        assert_eq!(
            model("Multipart/Form-Data; charset=utf-8; boundary=\"x-1\"", &whole),
            Ok(Some("whisper-1".to_owned()))
        );
        assert_eq!(model(TYPE, &format!("{file}--x-1--")), Ok(None));
    }

    #[test]
    fn a_form_with_two_readings_is_refused() {
        let one = part("name=\"model\"", "a");
        for body in [
            format!("{one}{one}--x-1--"),
            format!("{one}{}--x-1--", part("name=\"MODEL\"", "b")),
            format!("{}--x-1--", part("name=\"model\"; filename=\"m\"", "a")),
            format!("{}--x-1--", part("name=\"model\"; name=\"x\"", "a")),
            format!("{}--x-1--", part("name=model", "a")),
            format!("{}--x-1--", part("name=\"mo\\del\"", "a")),
            format!("{}--x-1--", part("name*=\"model\"", "a")),
            format!("{}--x-1--", part("name=\"model\"\r\nContent-Transfer-Encoding: base64", "YQ==")),
            format!("preamble\r\n{one}--x-1--"),
            format!("{one}--x-1--\r\n{one}--x-1--"),
            format!("{one}--x-1"),
            one.clone(),
            String::new(),
        ] {
            assert!(model(TYPE, &body).is_err(), "{body}");
        }
        for other in
            ["multipart/form-data", "multipart/mixed; boundary=x-1", "multipart/form-data; boundary=x-1; boundary=y"]
        {
            assert!(model(other, &format!("{one}--x-1--")).is_err(), "{other}");
        }
    }
}
