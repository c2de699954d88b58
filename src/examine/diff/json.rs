//! Changes as one JSON document.

use super::{Compared, words};
use crate::{
    decision::Decision,
    query::{Change, ChangeKind, unknown},
    wire,
};
use serde::Serialize;

#[derive(Serialize)]
struct Report<R: Serialize, D: Serialize> {
    changes: Vec<ChangeShape<R, D>>,
    gained: usize,
    lost: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inconclusive: Vec<String>,
    /// What only one of the sets knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ChangeShape<R: Serialize, D: Serialize> {
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    cause: String,
    actions: Vec<String>,
    resources: Vec<Resource>,
    when: String,
    except: Vec<String>,
    witness: R,
    /// What the request says is unknown, where it would have a default: JSON can only leave it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<D>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<D>,
}

#[derive(Serialize)]
struct Resource {
    r#type: String,
    id: String,
}

/// One JSON document with a line break at its end.
#[must_use]
pub fn render(compared: &Compared) -> String {
    let changes = &compared.found.changes;
    let decisions: Vec<[Option<Decision>; 2]> = changes.iter().map(|change| compared.decisions(change)).collect();
    let report = Report {
        changes: changes.iter().zip(&decisions).map(|(change, decided)| shape(compared, change, decided)).collect(),
        gained: compared.count(ChangeKind::Gained),
        lost: compared.count(ChangeKind::Lost),
        inconclusive: compared.found.inconclusive.iter().map(|open| words::inconclusive(compared, open)).collect(),
        notes: compared.found.only_one.iter().map(words::only_one).collect(),
    };
    let mut text = serde_json::to_string(&report).unwrap_or_default();
    text.push('\n');
    text
}

fn shape<'a>(
    compared: &Compared,
    change: &'a Change,
    [before, after]: &'a [Option<Decision>; 2],
) -> ChangeShape<impl Serialize + 'a, impl Serialize + 'a> {
    let rule = words::rule(compared, change);
    let resource = |(kind, id): &(std::sync::Arc<str>, std::sync::Arc<str>)| Resource {
        r#type: kind.to_string(),
        id: id.to_string(),
    };
    ChangeShape {
        change: change.kind.name(),
        rule: rule.map(|rule| rule.name().to_string()),
        at: rule.map(|rule| rule.place().to_string()),
        cause: words::cause(compared, change),
        actions: words::actions(compared, change),
        resources: change.resources.iter().map(resource).collect(),
        when: words::scope(compared, change),
        except: words::exceptions(compared, change),
        witness: wire::request::view(&change.witness),
        unknown: unknown(&change.witness),
        before: before.as_ref().map(wire::decision::view),
        after: after.as_ref().map(wire::decision::view),
    }
}
