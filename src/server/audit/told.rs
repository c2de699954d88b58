//! What a record says, as it is read back, and which records are wanted.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::fmt;

/// Which of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Those of this principal, by its id; `anonymous` are those without one.
    pub(crate) principal: Option<String>,
    /// Those about this resource, by its id.
    pub(crate) resource: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) is_allow: Option<bool>,
    /// Those of this instant and later.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Those before this instant.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Those from this number on.
    pub(crate) from: Option<i64>,
    /// Those before this number.
    pub(crate) before: Option<i64>,
    /// Those among the last so many that are left.
    pub(crate) most: Option<i64>,
}

/// What a record says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) time: String,
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) surface: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) caller: Option<Entity>,
    pub(crate) request: Option<Asked>,
    pub(crate) answer: Option<Answer>,
    pub(crate) count: Option<i64>,
    pub(crate) revision: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) raised: Option<Raised>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) subject: Entity,
    pub(crate) action: Named,
    pub(crate) resource: Entity,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) properties: Properties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Properties {
    pub(crate) org: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) decision: bool,
    pub(crate) context: Reasons,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reasons {
    pub(crate) code: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) obligations: Vec<Duty>,
    pub(crate) shadow: Vec<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) revision: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Duty {
    pub(crate) id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Raised {
    pub(crate) alert: String,
    pub(crate) count: i64,
    pub(crate) by: Option<String>,
}

impl fmt::Display for Entity {
    /// `user alice`, `anonymous`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of a list, the id is what was asked for.
        match self.id.as_deref() {
            Some("") | None => f.write_str(&self.kind),
            Some(id) => write!(f, "{} {id}", self.kind),
        }
    }
}

impl Told {
    /// What a record says; none where it is no record.
    pub(crate) fn of(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    pub(crate) fn instant(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.time).ok().map(|time| time.to_utc())
    }

    /// Whether it is an allow; none of records that decide nothing.
    pub(crate) fn verdict(&self) -> Option<bool> {
        self.answer.as_ref().map(|answer| answer.decision)
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.answer.as_ref()?.context.code.as_deref()
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.request.as_ref().map(|request| &*request.action.name)
    }

    pub(crate) fn resource(&self) -> Option<&str> {
        self.request.as_ref()?.resource.id.as_deref()
    }

    /// The principal's id, or its kind where it has none.
    pub(crate) fn principal(&self) -> Option<String> {
        let subject = &self.request.as_ref()?.subject;
        Some(subject.id.clone().unwrap_or_else(|| subject.kind.clone()))
    }
}

/// What a filter asks of a record, besides its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits<'a> {
    pub(crate) principal: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
    pub(crate) is_allow: Option<bool>,
}

impl Filter {
    pub(super) fn takes(&self, told: &Told) -> bool {
        let is_of_time = || told.instant().is_some_and(|time| self.has_time(time));
        let principal = told.principal();
        let traits = Traits {
            principal: principal.as_deref(),
            resource: told.resource(),
            action: told.action(),
            code: told.code(),
            is_allow: told.verdict(),
        };
        (self.since.is_none() && self.until.is_none() || is_of_time()) && self.has(traits)
    }

    /// Whether these are what it asks for.
    pub(crate) fn has(&self, traits: Traits<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.principal, traits.principal)
            && is(&self.resource, traits.resource)
            && is(&self.action, traits.action)
            && is(&self.code, traits.code)
            && (self.is_allow.is_none() || self.is_allow == traits.is_allow)
    }

    /// Texts that stand in every record it takes, as they are written there: most others are passed over without being read.
    pub(super) fn needles(&self) -> Vec<String> {
        let wanted = [&self.principal, &self.resource, &self.action, &self.code];
        wanted.into_iter().flatten().filter_map(|text| serde_json::to_string(text).ok()).collect()
    }

    /// Whether an instant is one of its times.
    pub(crate) fn has_time(&self, time: DateTime<Utc>) -> bool {
        let (first, end) = self.times();
        (first..end).contains(&time.timestamp_micros())
    }

    /// The first microsecond and the one after the last.
    pub(crate) fn times(&self) -> (i64, i64) {
        let micros = |instant: DateTime<Utc>| instant.timestamp_micros();
        (self.since.map_or(i64::MIN, micros), self.until.map_or(i64::MAX, micros))
    }
}
