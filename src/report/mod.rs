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
use std::{borrow::Cow, sync::Arc};

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

/// One thing that is wrong, at one place. Copies share what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Arc<Parts>);

/// What a finding says: often the same for many of them.
type Words = Cow<'static, str>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    span: Span,
    code: Code,
    severity: Severity,
    message: Words,
    label: Words,
    labels: Box<[(Span, Words)]>,
    help: Option<Words>,
}

impl Diagnostic {
    /// A finding of a kind, at a place, in words.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<Words>) -> Self {
        Self(Arc::new(Parts {
            code,
            severity: code.severity(),
            message: message.into(),
            span,
            label: Words::default(),
            labels: Box::default(),
            help: None,
        }))
    }

    /// With a few words under the place itself.0.
    #[must_use]
    pub fn label(mut self, text: impl Into<Words>) -> Self {
        self.parts().label = text.into();
        self
    }

    /// With another place that matters, and why.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<Words>) -> Self {
        let parts = self.parts();
        parts.labels = std::mem::take(&mut parts.labels).into_iter().chain([(span, text.into())]).collect();
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<Words>) -> Self {
        self.parts().help = Some(text.into());
        self
    }

    /// With what to do about it, where there is something.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        if let Some(text) = text {
            self.parts().help = Some(text.into());
        }
        self
    }

    /// With another severity than its code's own, as `--deny` asks for.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.parts().severity = severity;
        self
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
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
    pub fn labels(&self) -> &[(Span, Cow<'static, str>)] {
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
