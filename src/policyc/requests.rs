//! Requests as a command line gives them.
//!
//! In goes a file, out come its requests, one after the other: one object, an array of them, or one a line. Lines are read
//! as they come, so that a file of any length needs little memory, and a program on the other end of a pipe gets its
//! answer before it asks again.

use super::{Exit, Io, style::failed};
use crate::{
    check::vocabulary::parse_instant,
    clock::{Clock, SystemClock},
    request::{Input, Refusal, Request},
    wire::request::{self, Decoded},
};
use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    vec,
};

/// The mark that a text may start with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What stands for one request of a file.
pub(super) enum Raw {
    /// A line that nobody has looked into yet, with its number.
    Line(Vec<u8>, usize),
    /// A request that was read together with others.
    Read(Box<Result<Decoded, Refusal>>),
}

impl Raw {
    /// The request.
    ///
    /// # Errors
    /// A refusal where it is not one.
    pub(super) fn decode(self) -> Result<Decoded, Refusal> {
        match self {
            Self::Line(line, number) => request::decode_line(line.trim_ascii_end(), number),
            Self::Read(result) => *result,
        }
    }
}

/// The requests of a file.
pub(super) struct Requests<'a> {
    reader: BufReader<Box<dyn Read + Send + 'a>>,
    /// Those that were read together; else they are read line by line.
    whole: Option<vec::IntoIter<Result<Decoded, Refusal>>>,
    /// The first line, if it is one by itself.
    first: Option<Raw>,
    /// How many lines have been read.
    lines: usize,
}

impl<'a> Requests<'a> {
    /// The requests of a stream. A stream that is one large value but not JSON has one request, which is refused.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of(stream: Box<dyn Read + Send + 'a>) -> io::Result<Self> {
        let mut requests = Self { reader: BufReader::new(stream), whole: None, first: None, lines: 0 };
        let mut before = Vec::new();
        let mut line = loop {
            let Some(line) = requests.line()? else { return Ok(requests) };
            if !line.trim_ascii().is_empty() {
                break line;
            }
            before.extend(line);
        };
        if requests.lines == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if request::is_a_line(&line) {
            requests.first = Some(Raw::Line(line, requests.lines));
            return Ok(requests);
        }
        before.extend(line);
        requests.reader.read_to_end(&mut before)?;
        let text = str::from_utf8(&before).map_err(|error| {
            let offset = error.valid_up_to();
            let error = format!("not UTF-8: the byte at offset {offset} belongs to no character");
            Refusal { error, at: String::new() }
        });
        let whole = text.and_then(request::decode_many).unwrap_or_else(|refusal| vec![Err(refusal)]);
        requests.whole = Some(whole.into_iter());
        Ok(requests)
    }

    /// The next request; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read further.
    pub(super) fn next(&mut self) -> io::Result<Option<Raw>> {
        if let Some(whole) = &mut self.whole {
            return Ok(whole.next().map(|result| Raw::Read(Box::new(result))));
        }
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while let Some(line) = self.line()? {
            if !line.trim_ascii().is_empty() {
                return Ok(Some(Raw::Line(line, self.lines)));
            }
        }
        Ok(None)
    }

    /// Whether to read on may have to wait for the other end of a pipe.
    pub(super) fn may_wait(&self) -> bool {
        self.whole.is_none() && self.first.is_none() && !self.reader.buffer().contains(&b'\n')
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line)?;
        self.lines = self.lines.saturating_add(1);
        Ok((read > 0).then_some(line))
    }
}

/// A file of requests.
pub(super) enum Origin {
    /// Standard input.
    Stdin,
    /// A file.
    File(File),
}

impl Origin {
    /// Opens a file of requests; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be opened, or standard input is already a policy; that has been said.
    pub(super) fn open(file: &Path, policies: &[PathBuf], io: &mut Io<'_>) -> Result<Self, Exit> {
        let stdin = Path::new("-");
        if file != stdin {
            return File::open(file).map(Self::File).map_err(|error| unreadable(file, &error, io));
        }
        if policies.iter().any(|path| path == stdin) {
            return Err(failed(io, "standard input can be read only once", Some("give only one `-`")));
        }
        Ok(Self::Stdin)
    }

    /// Its requests.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn requests<'a>(self, input: &'a mut (dyn Read + Send)) -> io::Result<Requests<'a>> {
        match self {
            Self::Stdin => Requests::of(Box::new(input)),
            Self::File(file) => Requests::of(Box::new(file)),
        }
    }
}

/// Says that a file cannot be read.
pub(super) fn unreadable(file: &Path, error: &io::Error, io: &mut Io<'_>) -> Exit {
    failed(io, &format!("cannot read `{}`: {error}", file.display()), None)
}

/// The instant of `--at`, in the words of a request.
///
/// # Errors
/// If it is none.
pub(super) fn at(text: &str) -> Result<DateTime<Utc>, String> {
    parse_instant(text).ok_or_else(|| "expected an instant such as `2025-12-31T23:59:59Z`".to_owned())
}

/// What time it is for requests that do not say: what the command line says, else the machine's clock.
pub(super) fn default_time(at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    // People read it: whole seconds are enough.
    at.unwrap_or_else(|| SystemClock.now().trunc_subsecs(0))
}

/// Gives a request a time, if it has none, and tells when it is then.
pub(super) fn date(request: &mut Request, default: DateTime<Utc>) -> DateTime<Utc> {
    let words = || Input::Text(default.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let time = request.context.entry("time".to_owned()).or_insert_with(words);
    if let Input::Text(time) = time { parse_instant(time).unwrap_or(default) } else { default }
}

/// What is wrong with a request that `--strict` does not accept: a member that no request has.
pub(super) fn strict(decoded: &Decoded) -> Option<Refusal> {
    let at = decoded.ignored.first()?;
    Some(Refusal { error: "a request has no such member".to_owned(), at: at.clone() })
}
