//! The stable codes: `P00…` what a text says wrongly, `P01…` warnings, `P02…` names, `P03…` types and values, `P04…` what is not
//! true of every request.

use super::Severity;
use std::fmt;

/// A kind of finding. Each has a page of explanation in `docs/errors/`.
#[derive(Clone, Copy)]
pub struct Code {
    id: &'static str,
    severity: Severity,
    title: &'static str,
    page: &'static str,
}

impl Code {
    /// The code itself: `P0102`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.id
    }

    /// How bad it is unless told otherwise.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.severity
    }

    /// The kind in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.title
    }

    /// The page of explanation, in Markdown.
    #[must_use]
    pub const fn page(self) -> &'static str {
        self.page
    }

    /// The code of an id, in any case.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(other.id)
    }
}

impl std::hash::Hash for Code {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $title:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title)]
            pub const $name: Code = Code {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                page: include_str!(concat!("../../docs/errors/", $id, ".md")),
            };
        )*

        /// Every code, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    SYNTAX = "P0001", Error, "unexpected text";
    MISSING_SEMICOLON = "P0002", Error, "missing `;`";
    UNTERMINATED = "P0003", Error, "unterminated string, comment or bracket";
    BAD_LITERAL = "P0004", Error, "malformed constant";
    NESTING = "P0005", Error, "nested too deeply";
    NOT_UTF8 = "P0006", Error, "not UTF-8";
    UNBALANCED = "P0007", Error, "closing bracket without an opening one";
    RESERVED_WORD = "P0008", Error, "reserved word used as a name";
    TOO_LARGE = "P0009", Error, "file too large";
    MISPLACED = "P0010", Error, "statement in the wrong place";
    REPEATED_PART = "P0011", Error, "part of a statement given twice";

    UNUSED = "P0101", Warning, "declared and never used";
    CIDR_OVERLAP = "P0102", Warning, "overlapping address blocks in one set";
    CIDR_HOST_BITS = "P0103", Warning, "address block with host bits set";
    SUSPICIOUS_TEXT = "P0104", Warning, "invisible or confusable characters";
    INCLUDED_ROLE = "P0105", Warning, "prohibition on a role that others include";
    ABSENCE_GRANTS = "P0106", Warning, "absence would grant";
    NEVER_HOLDS = "P0107", Warning, "condition that can never hold";
    NO_MATCH = "P0108", Warning, "pattern that matches nothing declared";
    NO_ELSE = "P0109", Warning, "deny without `else`";
    DUTY_ARGUMENTS = "P0110", Warning, "one duty with different arguments";
    UNKNOWN_SUPPRESSION = "P0111", Warning, "`policyc: allow` that silences nothing";
    DANGLING_DOC = "P0112", Warning, "documentation of nothing";
    NO_ACTIONS = "P0113", Warning, "no action is declared";
    NEVER_DECIDES = "P0114", Warning, "rule that never decides";
    REDUNDANT = "P0115", Warning, "rule whose work others do";
    OPPOSITE = "P0116", Warning, "rules with the same scope and opposite effects";

    UNKNOWN_ACTION = "P0201", Error, "unknown action";
    UNKNOWN_ROLE = "P0202", Error, "unknown role";
    UNKNOWN_KIND = "P0203", Error, "unknown kind";
    UNKNOWN_ATTRIBUTE = "P0204", Error, "unknown attribute";
    UNKNOWN_SET = "P0205", Error, "unknown set or window";
    UNKNOWN_CONSTANT = "P0206", Error, "unknown tier or constant";
    UNKNOWN_ZONE = "P0207", Error, "unknown time zone";
    DECLARED_TWICE = "P0208", Error, "declared twice";
    CYCLE = "P0209", Error, "defined by itself";
    RESERVED_KIND = "P0210", Error, "word that may not name a kind";
    CLASHING_NAME = "P0211", Error, "name spelt like a constant";
    UNKNOWN_RULE = "P0212", Error, "unknown rule";
    OVERLAPPING_PATTERNS = "P0213", Error, "declarations whose patterns overlap";
    TOO_COMPLEX = "P0214", Error, "condition too large";

    TYPE_MISMATCH = "P0301", Error, "types that do not fit";
    NOT_COMPARABLE = "P0302", Error, "comparison that cannot be decided exactly";
    OUT_OF_RANGE = "P0303", Error, "value out of range";
    CONSTANT_AS_TEXT = "P0304", Error, "constant written as a text";
    BAD_OPERATOR = "P0305", Error, "operator that its operand does not have";
    DATE_EQUALITY = "P0306", Error, "equality with a date";
    BAD_STATUS = "P0307", Error, "status that a denial may not have";
    BAD_UNIT = "P0308", Error, "unit that is not a cost";
    FIXED_ATTRIBUTE = "P0309", Error, "attribute that a declaration fixes";
    BAD_MESSAGE = "P0310", Error, "message that cannot be filled in";
    BAD_WINDOW = "P0311", Error, "window that makes no sense";
    BAD_LIMIT = "P0312", Error, "limit that makes no sense";
    BAD_DECLARATION = "P0313", Error, "declaration that makes no sense";
    BAD_PATTERN = "P0314", Error, "malformed pattern";
    BAD_TEST = "P0315", Error, "test that makes no sense";

    REFUTED = "P0401", Error, "claim that is not true of every request";
    INCONCLUSIVE = "P0402", Error, "claim that is neither proved nor refuted";
}
