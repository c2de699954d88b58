//! What is wrong with a policy set, and how that is shown.
//!
//! Every stage makes [`Diagnostic`]s; the renderers beside this file show them: on a terminal, as JSON, as SARIF, as
//! annotations of a code review. A message is lower case, without a final period, with the user's text in backticks;
//! what to do about it stands apart, as help.

pub mod codes;
mod excerpt;
pub mod github;
pub mod json;
mod place;
pub mod sarif;
pub mod terminal;

pub use codes::Code;

use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The set is still valid.
    Warning,
    /// The set is not valid.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: Code,
    severity: Severity,
    message: String,
    span: Span,
    label: String,
    labels: Vec<(Span, String)>,
    help: Option<String>,
}

impl Diagnostic {
    /// A finding of a kind, at a place, in words.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            severity: code.severity(),
            message: message.into(),
            span,
            label: String::new(),
            labels: Vec::new(),
            help: None,
        }))
    }

    /// With a few words under the place itself.0.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.0.label = text.into();
        self
    }

    /// With another place that matters, and why.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.0.labels.push((span, text.into()));
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = Some(text.into());
        self
    }

    /// With what to do about it, where there is something.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        self.0.help = text.or(self.0.help.take());
        self
    }

    /// With another severity than its code's own, as `--deny` asks for.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.severity == Severity::Error
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where.
    #[must_use]
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// A few words under the place itself; may be empty.
    #[must_use]
    pub fn primary_label(&self) -> &str {
        &self.0.label
    }

    /// Other places that matter.
    #[must_use]
    pub fn labels(&self) -> &[(Span, String)] {
        &self.0.labels
    }

    /// What to do about it.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

/// Source order, then by code and message: the order in which findings are shown.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |it: &Diagnostic| (it.0.span.file, it.0.span.start, it.0.code);
        key(a).cmp(&key(b)).then_with(|| a.0.message.cmp(&b.0.message))
    });
    diagnostics.dedup();
}
