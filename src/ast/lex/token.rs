//! One token after another.

/// A piece of text that belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ast) struct Token {
    /// What it is.
    pub(in crate::ast) kind: TokenKind,
    /// Its first byte.
    pub(in crate::ast) start: usize,
    /// One past its last byte.
    pub(in crate::ast) end: usize,
}

impl Token {
    /// Its text, in the text it was taken from.
    pub(in crate::ast) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ast) enum TokenKind {
    /// `allow`, `qwen3-7b`; letters of all scripts, so that a name in another script is one token
    Word,
    /// `10.0.0.0/8`, `2025-12-31`, `5x`: whatever hangs together and starts like a constant
    Number,
    /// `"…"`
    String {
        /// Whether it has its second `"`.
        closed: bool,
    },
    /// `//…`, `/*…*/`, `///…`
    Comment {
        /// Whether it is a `///` (`////` is not).
        doc: bool,
        /// Whether it has its `*/`, where it needs one.
        closed: bool,
    },
    /// `(`, `[`, `{`
    Open(Bracket),
    /// `)`, `]`, `}`
    Close(Bracket),
    /// `;`
    Semicolon,
    /// `=>`, `,` and all other printable ASCII, and operators of other languages: `&&`
    Mark,
    /// `'…'`, `“…”`: other languages' quotes
    ForeignString,
    /// A character that no text of a policy has outside of strings and comments
    Foreign,
    /// A control character
    Control,
}

/// A kind of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ast) enum Bracket {
    /// `(…)`
    Round,
    /// `[…]`
    Square,
    /// `{…}`
    Curly,
}

impl Bracket {
    /// How it opens.
    pub(in crate::ast) const fn opening(self) -> &'static str {
        match self {
            Self::Round => "(",
            Self::Square => "[",
            Self::Curly => "{",
        }
    }

    /// How it closes.
    pub(in crate::ast) const fn closing(self) -> &'static str {
        match self {
            Self::Round => ")",
            Self::Square => "]",
            Self::Curly => "}",
        }
    }
}

/// All tokens from a place on, comments included.
pub(in crate::ast) fn tokens(text: &str, from: usize) -> impl Iterator<Item = Token> {
    let mut at = from;
    std::iter::from_fn(move || {
        let token = next_token(text, at)?;
        at = token.end;
        Some(token)
    })
}

/// The first token at or after a place; `None` where only white space is left.
pub(in crate::ast) fn next_token(text: &str, from: usize) -> Option<Token> {
    let rest = text.get(from..)?;
    let blank = rest.bytes().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?;
    let start = from.saturating_add(blank);
    let rest = rest.get(blank..)?;
    // Most tokens are words.
    let (kind, length) = if rest.starts_with(is_plain) { word(rest) } else { first(rest)? };
    Some(Token { kind, start, end: start.saturating_add(length) })
}

/// Kind and length of the token that a text begins with.
fn first(text: &str) -> Option<(TokenKind, usize)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    let second = chars.next();
    let one = first.len_utf8();
    Some(match first {
        '/' if second == Some('/') => line_comment(text),
        '/' if second == Some('*') => block_comment(text),
        '"' => string(text),
        '(' => (TokenKind::Open(Bracket::Round), one),
        '[' => (TokenKind::Open(Bracket::Square), one),
        '{' => (TokenKind::Open(Bracket::Curly), one),
        ')' => (TokenKind::Close(Bracket::Round), one),
        ']' => (TokenKind::Close(Bracket::Square), one),
        '}' => (TokenKind::Close(Bracket::Curly), one),
        ';' => (TokenKind::Semicolon, one),
        '0'..='9' => (TokenKind::Number, number(text)),
        '-' if second.is_some_and(|c| c.is_ascii_digit()) => (TokenKind::Number, number(text)),
        ':' if second == Some(':') => (TokenKind::Number, number(text)),
        '\'' | '“' | '”' | '„' | '‘' | '’' | '«' => foreign_string(text),
        _ if first == '_' || first.is_alphabetic() => word(text),
        _ if first.is_control() => (TokenKind::Control, one),
        _ if first.is_ascii() => (TokenKind::Mark, mark(text)),
        _ => (TokenKind::Foreign, one),
    })
}

/// The length of the beginning whose characters are accepted; the second argument is what follows each.
fn run(text: &str, accept: impl Fn(char, Option<char>) -> bool) -> usize {
    let mut chars = text.chars();
    let mut next = chars.next();
    let mut length = 0_usize;
    while let Some(c) = next {
        next = chars.next();
        if !accept(c, next) {
            break;
        }
        length = length.saturating_add(c.len_utf8());
    }
    length
}

fn line_comment(text: &str) -> (TokenKind, usize) {
    let line = text.find('\n').unwrap_or(text.len());
    let doc = text.starts_with("///") && !text.starts_with("////");
    (TokenKind::Comment { doc, closed: true }, line)
}

fn block_comment(text: &str) -> (TokenKind, usize) {
    let end = text.get(2..).and_then(|inner| inner.find("*/")).map(|inner| inner.saturating_add(4));
    (TokenKind::Comment { doc: false, closed: end.is_some() }, end.unwrap_or(text.len()))
}

/// A string ends with its line. One whose second `"` stands on the next line is taken whole, though, so that a line
/// break in a text is one error and not two.
fn string(text: &str) -> (TokenKind, usize) {
    let body = text.get(1..).unwrap_or_default();
    match closing_quote(body) {
        Ok(end) => (TokenKind::String { closed: true }, end.saturating_add(2)),
        Err(line) => {
            let next = body.get(line..).unwrap_or_default().strip_prefix('\n').unwrap_or_default();
            let next = next.get(..next.find('\n').unwrap_or(next.len())).unwrap_or_default();
            let odd = next.matches('"').count() % 2 == 1;
            let end = line.saturating_add(1);
            let more = if odd { next.find('"').map_or(0, |quote| quote.saturating_add(2)) } else { 0 };
            (TokenKind::String { closed: false }, end.saturating_add(more))
        }
    }
}

/// Where the `"` stands that closes a string, or else where its line ends.
fn closing_quote(body: &str) -> Result<usize, usize> {
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'\n' => return Err(at),
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok(at),
            _ => {}
        }
    }
    Err(body.len())
}

/// `'…'`: up to the quote that closes it on the same line, else the quote alone.
fn foreign_string(text: &str) -> (TokenKind, usize) {
    const CLOSING: [(char, &[char]); 7] = [
        ('\'', &['\'']),
        ('“', &['”', '“', '"']),
        ('”', &['”', '“', '"']),
        ('„', &['“', '”', '"']),
        ('‘', &['’', '\'']),
        ('’', &['’', '\'']),
        ('«', &['»']),
    ];
    let mut chars = text.char_indices();
    let opening = chars.next().map(|(_, c)| c);
    let closing = CLOSING.iter().find(|(open, _)| Some(*open) == opening).map_or(&[][..], |(_, close)| *close);
    let end = chars.take_while(|(_, c)| *c != '\n').find(|(_, c)| closing.contains(c));
    let alone = opening.map_or(0, char::len_utf8);
    (TokenKind::ForeignString, end.map_or(alone, |(at, c)| at.saturating_add(c.len_utf8())))
}

/// Whether a character begins a word of ASCII letters.
const fn is_plain(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

/// A word, or an address that starts like one (`fe80::1`).
fn word(text: &str) -> (TokenKind, usize) {
    let plain = text.bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count();
    let rest = text.get(plain..).unwrap_or_default();
    if rest.starts_with([' ', ';', ',', '\n', '.', ')']) {
        return (TokenKind::Word, plain);
    }
    let more = run(rest, |c, next| {
        c == '_' || c.is_alphanumeric() || c == '-' && next.is_some_and(|c| c == '_' || c == '-' || c.is_alphanumeric())
    });
    let length = plain.saturating_add(more);
    if text.get(length..).is_some_and(|rest| rest.starts_with(':')) && starts_address(text, length) {
        return (TokenKind::Number, number(text));
    }
    (TokenKind::Word, length)
}

/// Whether a word of this length and what follows it are the groups of an address: `fe80::`, `fe80:1:`.
fn starts_address(text: &str, length: usize) -> bool {
    let (head, rest) = text.split_at_checked(length).unwrap_or_default();
    let group = run(rest.strip_prefix(':').unwrap_or_default(), |c, _| c.is_ascii_hexdigit());
    let next = rest.get(group.saturating_add(1)..).unwrap_or_default();
    head.len() <= 4 && head.bytes().all(|byte| byte.is_ascii_hexdigit()) && next.starts_with(':')
}

/// The length of what hangs together as a number, an address or an instant; `0..100` are two.
fn number(text: &str) -> usize {
    run(text, |c, next| match c {
        '_' => true,
        '-' | '+' | '.' | '/' => next.is_some_and(char::is_alphanumeric),
        ':' => next.is_some_and(|c| c == ':' || c == '/' || c.is_alphanumeric()) || text.starts_with("::"),
        _ => c.is_alphanumeric(),
    })
}

fn mark(text: &str) -> usize {
    const LONG: [&str; 11] = ["=>", "==", "!=", "<=", ">=", "<>", "..", "&&", "||", "->", ":="];
    let may_be_long = matches!(text.as_bytes(), [_, b'=' | b'>' | b'.' | b'&' | b'|', ..]);
    LONG.iter().find(|long| may_be_long && text.starts_with(**long)).map_or(1, |long| long.len())
}
