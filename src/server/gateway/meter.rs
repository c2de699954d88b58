//! What an answer says that was used: the member `usage` of a body, or of the last event of a stream that has one.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How many bytes of a body are kept to be read at its end, and how long an event may be: what is longer is passed on all
/// the same, and what it used is not known.
const LONGEST_BODY: usize = 32 * 1024 * 1024;
const LONGEST_EVENT: usize = 1024 * 1024;

/// Reads along with what passes.
#[derive(Debug)]
pub(super) enum Meter {
    /// Nobody wants to know.
    Off,
    /// A body of JSON, as far as it has come.
    Body(Vec<u8>),
    /// Events.
    Events(Events),
}

/// A stream of events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What has come of the event that is under way.
    pending: Vec<u8>,
    /// How much of that has been looked at for its end.
    seen: usize,
    /// Whether the event that only tells what was used is for the gateway alone, since only it has asked.
    keeps: bool,
    used: Option<u64>,
}

impl Meter {
    /// Reads events; `keeps` if the one that tells what was used is not the client's.
    pub(super) fn events(keeps: bool) -> Self {
        Self::Events(Events { keeps, ..Events::default() })
    }

    /// Takes a piece that came, and gives what is to be passed on now.
    pub(super) fn take(&mut self, piece: Bytes) -> Bytes {
        match self {
            Self::Off => piece,
            Self::Body(body) => {
                if body.len().saturating_add(piece.len()) > LONGEST_BODY {
                    *self = Self::Off;
                } else {
                    body.extend_from_slice(&piece);
                }
                piece
            }
            Self::Events(events) => events.take(piece),
        }
    }

    /// What is left to be passed on when all has come.
    pub(super) fn rest(&mut self) -> Bytes {
        match self {
            Self::Off | Self::Body(_) => Bytes::new(),
            Self::Events(events) => events.rest(),
        }
    }

    /// What was used, if that was said.
    pub(super) fn used(&self) -> Option<u64> {
        match self {
            Self::Off => None,
            Self::Body(body) => Said::of(body)?.used(),
            Self::Events(events) => events.used,
        }
    }
}

impl Events {
    fn take(&mut self, piece: Bytes) -> Bytes {
        self.pending.extend_from_slice(&piece);
        let mut on = Vec::new();
        while let Some(end) = self.end() {
            let event: Vec<u8> = self.pending.drain(..end).collect();
            self.seen = 0;
            if self.is_for_client(&event) {
                on.extend(event);
            }
        }
        if self.pending.len() > LONGEST_EVENT {
            on.append(&mut self.pending);
            self.seen = 0;
        }
        if self.keeps { on.into() } else { piece }
    }

    fn rest(&mut self) -> Bytes {
        let event = std::mem::take(&mut self.pending);
        if self.is_for_client(&event) && self.keeps { event.into() } else { Bytes::new() }
    }

    /// Where the event that is under way ends: behind an empty line.
    fn end(&mut self) -> Option<usize> {
        let from = self.seen.saturating_sub(3);
        let unseen = self.pending.get(from..).unwrap_or_default();
        let ends = |lines: &[u8]| lines.starts_with(b"\n\n") || lines.starts_with(b"\n\r\n");
        let found = (0..unseen.len()).find(|at| unseen.get(*at..).is_some_and(ends));
        self.seen = self.pending.len();
        let start = from.saturating_add(found?);
        let is_short = self.pending.get(start..)?.starts_with(b"\n\n");
        Some(start.saturating_add(if is_short { 2 } else { 3 }))
    }

    /// Notes what an event tells, and says whether the client is to have it.
    fn is_for_client(&mut self, event: &[u8]) -> bool {
        // Most events tell a few words of the answer, and need not be read.
        if !event.windows(USAGE.len()).any(|bytes| bytes == USAGE) {
            return true;
        }
        let lines = event.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let data: Vec<&[u8]> = lines.filter_map(|line| line.strip_prefix(b"data:")).collect();
        let Some(said) = Said::of(&data.join(&b'\n')) else { return true };
        let used = said.used();
        self.used = used.or(self.used);
        !(self.keeps && used.is_some() && said.choices.is_some_and(|choices| choices.is_empty()))
    }
}

const USAGE: &[u8] = b"\"usage\"";

/// The members of an answer that matter.
#[derive(Debug, Deserialize)]
struct Said {
    usage: Option<Usage>,
    choices: Option<Vec<IgnoredAny>>,
    /// The last event of a response has the whole response.
    response: Option<Whole>,
}

#[derive(Debug, Deserialize)]
struct Whole {
    usage: Option<Usage>,
}

/// What was used, in the words of the older routes and of the newer ones.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
}

impl Said {
    fn of(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    fn used(&self) -> Option<u64> {
        let usage = self.usage.or(self.response.as_ref().and_then(|response| response.usage))?;
        let parts = [usage.prompt_tokens, usage.completion_tokens];
        let sum = parts.iter().flatten().fold(0_u64, |sum, part| sum.saturating_add(*part));
        usage.total_tokens.or(parts.iter().any(Option::is_some).then_some(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use bytes::Bytes;

    /// What is passed on of pieces, piece by piece, and what was used.
    fn passed(mut meter: Meter, pieces: &[&'static str]) -> (Vec<String>, Option<u64>) {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let mut passed: Vec<String> =
            pieces.iter().map(|piece| text(meter.take(Bytes::from_static(piece.as_bytes())))).collect();
        passed.push(text(meter.rest()));
        (passed, meter.used())
    }

    #[test]
    fn a_body_tells_what_was_used() {
        let used = |pieces: &[&'static str]| passed(Meter::Body(Vec::new()), pieces).1;
        assert_eq!(
            used(&[r#"{"choices":[{}],"usa"#, r#"ge":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":9}}"#]),
            Some(9)
        );
        assert_eq!(used(&[r#"{"usage":{"input_tokens":3,"output_tokens":4}}"#]), Some(7));
        assert_eq!(used(&[r#"{"usage":null}"#]), None);
        assert_eq!(used(&[r#"{"usage":{"total_tokens":-1}}"#]), None);
        assert_eq!(used(&["no JSON"]), None);
    }

    #[test]
    fn events_pass_as_they_come() {
        let pieces = [
            "data: {\"choices\":[{}]}\n",
            "\ndata: {\"choices\":[],\"usage\":{\"total_tokens\":5}}\r\n\r",
            "\ndata: [DONE]\n\n",
        ];
        let (on, used) = passed(Meter::events(false), &pieces);
        assert_eq!(
            (on, used),
            ([&pieces[..], &[""]].concat().iter().map(|piece| (*piece).to_owned()).collect(), Some(5))
        );
        let whole = "event: response.completed\ndata: {\"response\":\ndata: {\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}";
        assert_eq!(passed(Meter::events(false), &[whole]).1, Some(2));
    }

    #[test]
    fn what_only_the_gateway_asked_for_it_keeps() {
        let (on, used) = passed(
            Meter::events(true),
            &[
                "data: {\"choices\":[{}],\"usage\":null}\n\ndata: {\"cho",
                "ices\":[],\"usage\":{\"total_tokens\":5}}\n",
                "\ndata: [DONE]\n\n: bye",
            ],
        );
        assert_eq!(on, ["data: {\"choices\":[{}],\"usage\":null}\n\n", "", "data: [DONE]\n\n", ": bye"]);
        assert_eq!(used, Some(5));
    }
}
