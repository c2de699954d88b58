//! What the gateway must know of a body: the model that it names, and how much it may come to. All else is for the upstream.
//!
//! The body is sent on as it came. Where something of it must change, that one place is changed and nothing else.

use super::{error::Fault, measure::measure, settings::Tokens};
use serde::{
    Deserialize,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt, ops::Range};

/// How deep the values of a body may be nested.
const MAX_DEPTH: usize = 128;
/// How long the name of a model may be, in bytes.
const LONGEST_NAME: usize = 512;

/// What a body asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The model, and where the body names it.
    pub(super) model: Option<(String, Place)>,
    /// How the answer comes.
    pub(super) stream: Stream,
    /// How many tokens it may come to: what is sent, and the most that may be answered.
    pub(super) tokens: u64,
}

/// Where a model's name stands in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Range<usize>,
    pub(super) written: Written,
}

/// How it is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Json,
    Plainly,
}

/// How an answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stream {
    /// In one piece.
    No,
    /// As events, which tell what was used.
    Counted,
    /// As events, which will tell what was used if this is put into the body.
    Uncounted(Edit),
}

/// A change of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

impl Place {
    /// Another model's name in this place.
    pub(super) fn rename(&self, model: &str) -> Edit {
        let text = match self.written {
            Written::Json => serde_json::Value::from(model).to_string(),
            Written::Plainly => model.to_owned(),
        };
        Edit { at: self.at.clone(), text }
    }
}

/// A body with some places changed.
pub(super) fn edited(body: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.at.start);
    let mut changed = Vec::with_capacity(body.len().saturating_add(64));
    let mut done = 0;
    for Edit { at, text } in edits {
        changed.extend_from_slice(body.get(done..at.start).unwrap_or_default());
        changed.extend_from_slice(text.as_bytes());
        done = at.end;
    }
    changed.extend_from_slice(body.get(done..).unwrap_or_default());
    changed
}

/// A name that a model may have.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("a model's name has 1 to {LONGEST_NAME} bytes and no control characters");
        return Err(Fault::about("model", message));
    }
    Ok(())
}

/// What a body of JSON asks for; `writes` tells whether a model writes an answer of many tokens.
pub(super) fn json(body: &[u8], tokens: &Tokens, writes: bool) -> Result<Asked, Fault> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Fault::bad(format!("the body is not UTF-8 at byte {}", error.valid_up_to())))?;
    let measured = measure(text);
    if measured.depth > MAX_DEPTH {
        return Err(Fault::bad(format!("the body is nested more than {MAX_DEPTH} deep")));
    }
    let members: Members<'_> =
        serde_json::from_str(text).map_err(|error| Fault::bad(format!("the body is not as it must be: {error}")))?;
    // Some servers read names of members whatever their case, and would take another model than is decided here.
    if let Some(other) = members.0.keys().find(|name| *name != "model" && name.eq_ignore_ascii_case("model")) {
        return Err(Fault::bad(format!("the body has a member `{other}`: write `model`")));
    }
    let model = match members.get::<String>("model", "a text")? {
        Some(name) => {
            check_name(&name)?;
            Some((name, Place { at: members.place(text, "model"), written: Written::Json }))
        }
        None => None,
    };
    let prompt = tokens.reckon(measured.bytes, measured.attachments);
    let tokens = if writes { prompt.saturating_add(members.output(tokens.output)?) } else { prompt };
    Ok(Asked { model, stream: members.stream(text)?, tokens })
}

impl Tokens {
    /// What so much is reckoned as.
    pub(super) fn reckon(&self, bytes: u64, attachments: u64) -> u64 {
        bytes.div_ceil(self.bytes_per_token.max(1)).saturating_add(attachments.saturating_mul(self.attachment))
    }
}

/// The members of an object, each once, as they stand in the text.
struct Members<'t>(BTreeMap<String, &'t RawValue>);

impl<'t> Members<'t> {
    /// A member of a type; `null` is as good as none.
    fn get<T: Deserialize<'t>>(&self, name: &'static str, expected: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map_err(|_| Fault::about(name, format!("`{name}` must be {expected}")))
    }

    /// Where a member's value stands in the text.
    fn place(&self, text: &str, name: &str) -> Range<usize> {
        let value = self.0.get(name).map_or("", |value| value.get());
        let start = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        start..start.saturating_add(value.len())
    }

    /// The most tokens that may be answered.
    fn output(&self, default: u64) -> Result<u64, Fault> {
        let number = |name| self.get::<u64>(name, "a whole number");
        let caps = [number("max_tokens")?, number("max_completion_tokens")?, number("max_output_tokens")?];
        let answers = number("n")?.max(number("best_of")?).unwrap_or(1).max(1);
        Ok(caps.into_iter().flatten().max().unwrap_or(default).saturating_mul(answers))
    }

    fn stream(&self, text: &str) -> Result<Stream, Fault> {
        if !self.get::<bool>("stream", "true or false")?.unwrap_or(false) {
            return Ok(Stream::No);
        }
        let options = self.place(text, "stream_options");
        Ok(match self.get::<Members<'t>>("stream_options", "an object")? {
            // No options, or `null`.
            None if options.is_empty() => {
                // Behind the brace that opens the body.
                let start = text.find('{').map_or(0, |brace| brace.saturating_add(1));
                let text = r#""stream_options":{"include_usage":true},"#.to_owned();
                Stream::Uncounted(Edit { at: start..start, text })
            }
            None => Stream::Uncounted(Edit { at: options, text: r#"{"include_usage":true}"#.to_owned() }),
            Some(within) => match within.get::<bool>("include_usage", "true or false")? {
                Some(true) => Stream::Counted,
                Some(false) => {
                    Stream::Uncounted(Edit { at: within.place(text, "include_usage"), text: "true".to_owned() })
                }
                None if within.0.contains_key("include_usage") => {
                    Stream::Uncounted(Edit { at: within.place(text, "include_usage"), text: "true".to_owned() })
                }
                None => {
                    let comma = if within.0.is_empty() { "" } else { "," };
                    let start = options.start.saturating_add(1);
                    Stream::Uncounted(Edit { at: start..start, text: format!(r#""include_usage":true{comma}"#) })
                }
            },
        })
    }
}

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: serde::Deserializer<'t>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'t> Visitor<'t> for Object {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("the member `{name}` stands there twice")));
                    }
                    members.insert(name, map.next_value()?);
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Edit, Stream, edited, json};
    use crate::server::gateway::settings::Tokens;

    fn asked(body: &str) -> Result<Asked, String> {
        json(body.as_bytes(), &Tokens::default(), true).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_model_is_named_once_and_renamed_in_place() {
        let renamed = |body: &str| {
            let (name, place) = asked(body).unwrap().model.unwrap();
            let body = edited(body.as_bytes(), vec![place.rename("acme/\"big\"")]);
            (name, String::from_utf8(body).unwrap())
        };
        assert_eq!(
            renamed(r#"{ "model" : "m" , "n":1}"#),
            ("m".to_owned(), r#"{ "model" : "acme/\"big\"" , "n":1}"#.to_owned())
        );
        assert_eq!(renamed("{\"mod\\u0065l\":\"\\u006d\"}").0, "m");
        assert_eq!(asked(r#"{"messages":[{"model":"x"}]}"#).unwrap().model, None);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let refused = [
            r#"{"model":"a","model":"b"}"#,
            "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}",
            r#"{"model":"a","Model":"b"}"#,
            r#"{"model":"a","max_tokens":1,"max_tokens":2}"#,
            r#"{"model":["a"]}"#,
            r#"{"model":""}"#,
            r#"{"model":"a\u0000"}"#,
            r#"{"model":"a"} {"model":"b"}"#,
            r#"{"model":"a","stream":"yes"}"#,
            r#"{"model":"a","max_tokens":-1}"#,
            r#"{"model":"a","n":1.5}"#,
            r#"[{"model":"a"}]"#,
            r#"{"model":"a","#,
            "",
        ];
        insta::assert_snapshot!(refused.map(|body| asked(body).unwrap_err()).join("\n"), @r"
        the body is not as it must be: the member `model` stands there twice at line 1 column 20
        the body is not as it must be: the member `model` stands there twice at line 1 column 25
        the body has a member `Model`: write `model`
        the body is not as it must be: the member `max_tokens` stands there twice at line 1 column 40
        `model` must be a text
        a model's name has 1 to 512 bytes and no control characters
        a model's name has 1 to 512 bytes and no control characters
        the body is not as it must be: trailing characters at line 1 column 15
        `stream` must be true or false
        `max_tokens` must be a whole number
        `n` must be a whole number
        the body is not as it must be: invalid type: sequence, expected an object at line 1 column 0
        the body is not as it must be: EOF while parsing a value at line 1 column 13
        the body is not as it must be: EOF while parsing a value at line 1 column 0
        ");
        let deep = format!(r#"{{"model":"a","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert!(asked(&deep).unwrap_err().contains("nested"));
    }

    #[test]
    fn tokens_are_reckoned_from_what_is_sent_and_the_most_that_is_answered() {
        let tokens = |body: &str| asked(body).unwrap().tokens;
        assert_eq!(tokens(r#"{"model":"a"}"#), 4 + 1_024);
        assert_eq!(tokens(r#"{"model":"a","max_tokens":10}"#), 8 + 10);
        assert_eq!(tokens(r#"{"model":"a","max_tokens":10,"max_completion_tokens":12,"n":3}"#), 16 + 36);
        assert_eq!(tokens(r#"{"model":"a","max_tokens":null,"best_of":2}"#), 11 + 2_048);
        assert_eq!(tokens(&format!(r#"{{"model":"a","max_tokens":0,"u":"data:{}"}}"#, "A".repeat(99_999))), 9 + 1_024);
        assert_eq!(tokens(r#"{"model":"a","max_tokens":18446744073709551615,"n":2}"#), u64::MAX);
        assert_eq!(json(br#"{"model":"a"}"#, &Tokens::default(), false).unwrap().tokens, 4);
    }

    #[test]
    fn a_stream_is_asked_to_count() {
        let asks = |body: &str| match asked(body).unwrap().stream {
            Stream::No => "no".to_owned(),
            Stream::Counted => "counted".to_owned(),
            Stream::Uncounted(edit) => String::from_utf8(edited(body.as_bytes(), vec![edit])).unwrap(),
        };
        assert_eq!(asks(r#"{"stream":false}"#), "no");
        assert_eq!(asks(r#"{"stream":true,"stream_options":{"include_usage":true}}"#), "counted");
        assert_eq!(asks(r#" {"stream":true}"#), r#" {"stream_options":{"include_usage":true},"stream":true}"#);
        assert_eq!(
            asks(r#"{"stream":true,"stream_options":null}"#),
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#
        );
        assert_eq!(
            asks(r#"{"stream_options":{"include_usage": false},"stream":true}"#),
            r#"{"stream_options":{"include_usage": true},"stream":true}"#
        );
        assert_eq!(
            asks(r#"{"stream_options":{"x":1},"stream":true}"#),
            r#"{"stream_options":{"include_usage":true,"x":1},"stream":true}"#
        );
        assert_eq!(
            asks(r#"{"stream_options":{},"stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"stream":true}"#
        );
    }

    #[test]
    fn edits_leave_all_else_as_it_is() {
        let edit = |at, text: &str| Edit { at, text: text.to_owned() };
        assert_eq!(edited(b"abcdef", vec![edit(4..5, "X"), edit(0..1, ""), edit(6..6, "!")]), b"bcdXf!");
    }
}
