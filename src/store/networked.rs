//! Stores on other machines, by their addresses: which there are is for the program to say, since what speaks to them is
//! outside this crate.

use super::{
    audit::AuditStore,
    documents::DocumentStore,
    limits::{LimitStore, MemoryLimits},
};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// What stands for no other machine.
const MEMORY: &str = "memory";
/// What an address of a database looks like.
const DATABASE: &str = "an address such as `postgres://127.0.0.1/policyc`";

/// Where something is kept: `memory`, or an address such as `redis://user:secret@host:6379/0`. It is shown without what is
/// secret in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// In this process.
    #[must_use]
    pub fn memory() -> Self {
        Self(MEMORY.to_owned())
    }

    /// Whether it is in this process.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.0 == MEMORY
    }

    /// How it is spoken to: `redis`.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.0.split_once("://").map(|(scheme, _)| scheme)
    }

    /// The whole of it, with its secrets: for whoever connects.
    #[must_use]
    pub fn exposed(&self) -> &str {
        &self.0
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            // It may be anything, also a secret that was written to the wrong place.
            return f.write_str(if self.is_memory() { MEMORY } else { "…" });
        };
        // A secret may itself have an `@` or a `/` in it, so what is shown comes after the last `@`.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = rest.split(['?', '#']).next().unwrap_or_default();
        write!(f, "{scheme}://{host}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes the store at an address. Nobody is asked yet: a store that cannot be reached is found out by whoever asks it. No call
/// may take longer than `patience`.
///
/// # Errors
/// What is wrong with the address, in words that have no secret in them.
pub type OpenLimits = fn(address: &Address, patience: Duration) -> Result<Arc<dyn LimitStore>, String>;

/// As [`OpenLimits`], of a store of documents.
///
/// # Errors
/// What is wrong with the address, in words that have no secret in them.
pub type OpenDocuments = fn(address: &Address, patience: Duration) -> Result<Arc<dyn DocumentStore>, String>;

/// As [`OpenLimits`], of a store of audit logs.
///
/// # Errors
/// What is wrong with the address, in words that have no secret in them.
pub type OpenAudit = fn(address: &Address, patience: Duration) -> Result<Arc<dyn AuditStore>, String>;

/// The stores that a program can speak to; by itself, only to those in its own process.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    limits: BTreeMap<&'static str, OpenLimits>,
    documents: BTreeMap<&'static str, OpenDocuments>,
    audit: BTreeMap<&'static str, OpenAudit>,
}

impl Stores {
    /// With stores of limits whose addresses begin with a scheme, as in `redis`.
    #[must_use]
    pub fn limits(mut self, scheme: &'static str, open: OpenLimits) -> Self {
        self.limits.insert(scheme, open);
        self
    }

    /// With stores of documents whose addresses begin with a scheme, as in `postgres`.
    #[must_use]
    pub fn documents(mut self, scheme: &'static str, open: OpenDocuments) -> Self {
        self.documents.insert(scheme, open);
        self
    }

    /// With stores of audit logs whose addresses begin with a scheme, as in `postgres`.
    #[must_use]
    pub fn audit(mut self, scheme: &'static str, open: OpenAudit) -> Self {
        self.audit.insert(scheme, open);
        self
    }

    /// The store of limits at an address.
    ///
    /// # Errors
    /// If the address is none, or nothing here speaks to stores of its kind.
    pub fn open_limits(&self, address: &Address, patience: Duration) -> Result<Arc<dyn LimitStore>, Unopened> {
        if address.is_memory() {
            return Ok(Arc::new(MemoryLimits::default()));
        }
        let open = find(&self.limits, address, "`memory` or an address such as `redis://127.0.0.1:6379`")?;
        open(address, patience).map_err(|what| Unopened::Address(address.clone(), what))
    }

    /// The store of documents at an address.
    ///
    /// # Errors
    /// If the address is none, or nothing here speaks to stores of its kind.
    pub fn open_documents(&self, address: &Address, patience: Duration) -> Result<Arc<dyn DocumentStore>, Unopened> {
        let open = find(&self.documents, address, DATABASE)?;
        open(address, patience).map_err(|what| Unopened::Address(address.clone(), what))
    }

    /// The store of audit logs at an address.
    ///
    /// # Errors
    /// If the address is none, or nothing here speaks to stores of its kind.
    pub fn open_audit(&self, address: &Address, patience: Duration) -> Result<Arc<dyn AuditStore>, Unopened> {
        let open = find(&self.audit, address, DATABASE)?;
        open(address, patience).map_err(|what| Unopened::Address(address.clone(), what))
    }
}

/// What speaks to the store at an address, which must be as is said.
fn find<T: Copy>(known: &BTreeMap<&'static str, T>, address: &Address, as_in: &'static str) -> Result<T, Unopened> {
    let Some(scheme) = address.scheme() else { return Err(Unopened::NoAddress(as_in)) };
    match known.get(scheme) {
        Some(open) => Ok(*open),
        None if known.is_empty() => Err(Unopened::NoneHere(scheme.to_owned())),
        None => Err(Unopened::Unknown(scheme.to_owned(), known.keys().copied().collect())),
    }
}

/// Why there is no store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unopened {
    /// It is no address; what it must be.
    NoAddress(&'static str),
    /// This program has no networked stores.
    NoneHere(String),
    /// This program speaks to others: which.
    Unknown(String, Vec<&'static str>),
    /// The address cannot be used.
    Address(Address, String),
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(as_in) => write!(f, "it must be {as_in}"),
            Self::NoneHere(scheme) => write!(
                f,
                "`{scheme}://…`: this build has no networked stores; the package `policyc-dist` is policyc with all of them"
            ),
            Self::Unknown(scheme, known) => write!(f, "`{scheme}://…`: there are stores for {}", known.join(", ")),
            Self::Address(address, what) => write!(f, "{address}: {what}"),
        }
    }
}

impl std::error::Error for Unopened {}

#[cfg(test)]
mod tests {
    use super::{Address, Stores};
    use crate::store::limits::MemoryLimits;
    use std::{sync::Arc, time::Duration};

    #[test]
    fn secrets_are_not_shown() {
        let shown = |text: &str| format!("{0} {0:?}", Address::from(text.to_owned()));
        for (text, wanted) in [
            ("memory", "memory"),
            ("redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379/2"),
            ("redis://:pass@host", "redis://host"),
            ("rediss://user:p@ss/w@rd@host:1?token=x#y", "rediss://host:1"),
            ("my secret", "…"),
        ] {
            assert_eq!(shown(text), format!("{wanted} {wanted}"));
        }
    }

    #[test]
    fn a_program_has_the_stores_that_it_was_given() {
        let told = |stores: &Stores, text: &str| {
            let opened = stores.open_limits(&Address::from(text.to_owned()), Duration::ZERO);
            opened.map_or_else(|unopened| unopened.to_string(), |_| "opened".to_owned())
        };
        let (none, one) =
            (Stores::default(), Stores::default().limits("here", |_, _| Ok(Arc::new(MemoryLimits::new()))));
        let both = one.clone().limits("never", |_, _| Err("no".to_owned()));
        assert_eq!(told(&none, "memory"), "opened");
        assert!(told(&none, "redis://host").contains("policyc-dist"));
        assert_eq!(told(&one, "here://host"), "opened");
        assert_eq!(told(&both, "redis://host"), "`redis://…`: there are stores for here, never");
        assert_eq!(told(&both, "never://u:p@host"), "never://host: no");
        assert!(told(&both, "host:6379").contains("memory"));
        let documents = |text: &str| {
            let opened = both.open_documents(&Address::from(text.to_owned()), Duration::ZERO);
            opened.err().unwrap().to_string()
        };
        assert!(documents("memory").contains("postgres://"), "one of documents is another one");
        assert!(documents("here://u:p@host").contains("policyc-dist"));
    }
}
