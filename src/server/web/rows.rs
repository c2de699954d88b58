//! A model's access list as rows of a form, one for each of its rules.

use super::{
    fields::Fields,
    look::Look,
    parts::{input, select},
};
use crate::wire::acl;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// How many rows a form has at most.
const MOST: usize = 200;
/// How long a text of a row may be; a field keeps less than twice as much.
const LONGEST: usize = 8_000;
/// How many empty rows wait for something below those that are there.
const EMPTY: usize = 2;
/// The field that says how many rows were sent.
const COUNT: &str = "rows";

/// The rules of a list, as they are edited.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows(Vec<Row>);

/// A rule, as texts.
#[derive(Debug, Clone, Default)]
struct Row {
    kind: String,
    value: String,
    operations: Vec<String>,
    ip_range: String,
    rate_limit: String,
    valid_until: String,
}

impl Rows {
    /// Those of a list that was understood.
    pub(super) fn of(document: &Value) -> Self {
        Self(document["rules"].as_array().into_iter().flatten().map(Row::of).collect())
    }

    /// Those that a form was sent with; a row that names nobody is none.
    pub(super) fn sent(fields: &Fields) -> Self {
        let count = fields.get(COUNT).parse().unwrap_or(0).min(MOST);
        Self((0..count).map(|number| Row::sent(fields, number)).filter(|row| !row.value.is_empty()).collect())
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a form sends them as they are: there are not too many, and fields change none of their texts.
    pub(super) fn fit(&self) -> bool {
        self.len() <= MOST && self.0.iter().all(Row::fits)
    }

    /// The list of a model that they say.
    pub(super) fn document(&self, model: &str) -> Value {
        json!({ "model": model, "rules": self.0.iter().map(Row::rule).collect::<Vec<Value>>() })
    }

    /// Fields to edit them, with some empty rows.
    pub(super) fn fields(&self, look: Look) -> Markup {
        let count = self.len().saturating_add(EMPTY).min(MOST);
        let empty = Row::default();
        let rows = self.0.iter().chain(std::iter::repeat(&empty)).take(count);
        html! {
            input type="hidden" name=(COUNT) value=(count);
            @for (number, row) in rows.enumerate() { (row.fields(look, number)) }
        }
    }

    /// The same, to be sent again as they are.
    pub(super) fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name=(COUNT) value=(self.len());
            @for (number, row) in self.0.iter().enumerate() {
                @for (part, text) in row.texts() { input type="hidden" name=(name(number, part)) value=(text); }
                @for operation in &row.operations { input type="hidden" name=(name(number, operation)) value="yes"; }
            }
        }
    }
}

/// What the field of a row is called.
fn name(number: usize, part: &str) -> String {
    format!("rule-{number}-{part}")
}

impl Row {
    fn of(rule: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| match value.as_array() {
            Some(values) => values.iter().map(text).collect(),
            None => vec![text(value)],
        };
        let (principal, conditions) = (&rule["principal"], &rule["conditions"]);
        Self {
            kind: text(&principal["type"]),
            value: text(&principal["value"]),
            operations: texts(&rule["operations"]),
            ip_range: texts(&conditions["ip_range"]).join(", "),
            rate_limit: text(&conditions["rate_limit"]),
            valid_until: text(&conditions["valid_until"]),
        }
    }

    fn sent(fields: &Fields, number: usize) -> Self {
        let text = |part: &str| fields.get(&name(number, part)).to_owned();
        let is_checked = |operation: &&str| fields.some(&name(number, operation)).is_some();
        Self {
            kind: text("type"),
            value: text("value"),
            operations: acl::operations().into_iter().filter(is_checked).map(str::to_owned).collect(),
            ip_range: text("ip"),
            rate_limit: text("rate"),
            valid_until: text("until"),
        }
    }

    fn fits(&self) -> bool {
        let is_kept = |text: &str| text.len() <= LONGEST && text.trim() == text && !text.contains(char::is_control);
        !self.value.is_empty() && self.texts().into_iter().all(|(_, text)| is_kept(text))
    }

    fn texts(&self) -> [(&'static str, &str); 5] {
        [
            ("type", &self.kind),
            ("value", &self.value),
            ("ip", &self.ip_range),
            ("rate", &self.rate_limit),
            ("until", &self.valid_until),
        ]
    }

    fn rule(&self) -> Value {
        let mut conditions = Map::new();
        let blocks: Vec<&str> = self.ip_range.split([',', ' ']).filter(|block| !block.is_empty()).collect();
        if !blocks.is_empty() {
            conditions.insert("ip_range".to_owned(), blocks.into());
        }
        for (name, text) in [("rate_limit", &self.rate_limit), ("valid_until", &self.valid_until)] {
            if !text.is_empty() {
                conditions.insert(name.to_owned(), text.as_str().into());
            }
        }
        let mut rule = json!({
            "principal": { "type": self.kind, "value": self.value },
            "operations": self.operations,
        });
        if let Some(members) = rule.as_object_mut().filter(|_| !conditions.is_empty()) {
            members.insert("conditions".to_owned(), conditions.into());
        }
        rule
    }

    fn fields(&self, look: Look, number: usize) -> Markup {
        let place = number.saturating_add(1).to_string();
        html! {
            fieldset.card.entry {
                legend { (look.fill("lists.rule", &[("number", &place)])) }
                div.row {
                    (select(&name(number, "type"), look.say("lists.type"), &self.kind, acl::principal_types().map(|kind| (kind, kind))))
                    (input(&name(number, "value"), look.say("lists.value"), &self.value, ""))
                    div.checks {
                        @for operation in acl::operations() {
                            label.check {
                                input type="checkbox" name=(name(number, operation)) value="yes" checked[self.operations.iter().any(|own| own == operation)];
                                (operation)
                            }
                        }
                    }
                }
                div.row {
                    (input(&name(number, "ip"), look.say("lists.ip"), &self.ip_range, "10.0.0.0/8, 192.0.2.1"))
                    (input(&name(number, "rate"), look.say("lists.rate"), &self.rate_limit, "100req/min"))
                    (input(&name(number, "until"), look.say("lists.until"), &self.valid_until, "2030-12-31T23:59:59Z"))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_was_shown() {
        let document = json!({ "model": "m", "rules": [
            { "principal": { "type": "role", "value": "r & d" }, "operations": ["infer", "view"],
              "conditions": { "ip_range": ["10.0.0.0/8", "::1"], "rate_limit": "5req/s", "valid_until": "2030-01-01T00:00:00Z" } },
            { "principal": { "type": "user", "value": "ada" }, "operations": ["train"] },
        ] });
        assert_eq!(Rows::of(&document).document("m"), document);
        let sent = "rows=9&rule-0-type=user&rule-0-value=+ada+&rule-0-train=yes&rule-1-value=&rule-1-infer=yes";
        let rows = Rows::sent(&Fields::read(sent.as_bytes()));
        assert_eq!(rows.document("m")["rules"], json!([document["rules"][1]]));
        assert_eq!(Rows::sent(&Fields::read(b"rows=99999999999999999999&rule-0-value=a")).len(), 0);
        assert_eq!(Rows::sent(&Fields::read(b"rows=100000&rule-0-value=a")).len(), 1);
    }

    #[test]
    fn what_a_form_would_change_is_not_for_it() {
        let fit = |value: &str, ip: &str, count: usize| {
            let conditions = json!({ "ip_range": [ip] });
            let rule = json!({ "principal": { "type": "user", "value": value }, "conditions": conditions });
            Rows::of(&json!({ "rules": vec![rule; count] })).fit()
        };
        assert!(fit("ada", "10.0.0.0/8", MOST));
        assert!(!fit("ada", "10.0.0.0/8", MOST + 1) && !fit("ada", &"1".repeat(LONGEST + 1), 1));
        assert!(!fit("ada ", "", 1) && !fit("a\nda", "", 1) && !fit("", "", 1));
    }
}
