//! The audit log: its records by what is searched for, and how many decisions came out how over time.

use super::{
    chart::{Bars, Series},
    fault::{Fault, Reason},
    fields::{Fields, link},
    look::Look,
    parts::{input, prose, rule, select, time, verdict},
    shell::Section,
    visit::{Visit, log},
};
use crate::server::{
    app::App,
    audit::{Counted, Entry, Filter, HOUR, Order, Source},
};
use axum::{Router, extract::Path, response::Response, routing::get};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use maud::{Markup, html};
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

/// How many records a page shows.
const SIZE: usize = 50;
/// How many records are looked through for one page; who searches for what is rare goes on from there.
const LOOKED: i64 = 200_000;
/// How many codes have a colour of their own.
const CODES: usize = 4;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/audit", get(page)).route("/ui/audit/{number}", get(record))
}

/// How much time the charts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Day => "audit.day",
            Self::Week => "audit.week",
            Self::Month => "audit.month",
        }
    }

    /// How many hours a bar stands for, how many bars there are, and how the beginning of one is written.
    const fn bars(self) -> (i64, usize, &'static str) {
        match self {
            Self::Day => (1, 24, "%H:%M"),
            Self::Week => (6, 28, "%m-%d %H:%M"),
            Self::Month => (24, 30, "%m-%d"),
        }
    }
}

/// What is read of the log for a page.
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// From which record on older ones were not looked at.
    rest: Option<i64>,
    counted: Vec<Counted>,
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("audit", &log()).await?;
    let (look, fields) = (visit.look(), &visit.fields);
    let filter = filter(fields);
    let period = Period::ALL.into_iter().find(|period| period.name() == fields.get("period")).unwrap_or(Period::Day);
    let now = visit.app.clock.now();
    let (hours, count, _) = period.bars();
    let hours = hours.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
    let since = now.checked_sub_signed(TimeDelta::hours(hours)).unwrap_or(now);
    let read = read(&visit, filter, SIZE, Some(since)).await?;
    let content = html! {
        header.page {
            h1 { (look.say("nav.audit")) }
            p.lead { (look.say("audit.lead")) }
        }
        @match read {
            None => p.empty { (prose(look.say("audit.not_kept"))) },
            Some(read) => {
                (charts(look, fields, period, now, &read.counted))
                (form(look, fields))
                (table(look, &read.entries))
                (more(look, fields, &read))
            }
        }
    };
    Ok(visit.shell.page(look.say("nav.audit"), Some(Section::Audit), &content))
}

/// One record, whole.
async fn record(Path(number): Path<i64>, visit: Visit) -> Result<Response, Fault> {
    visit.must("audit", &log()).await?;
    let look = visit.look();
    let filter = Filter { from: Some(number), before: Some(number.saturating_add(1)), ..Filter::default() };
    let found = read(&visit, filter, 1, None).await?.and_then(|read| read.entries.into_iter().next());
    let Some(entry) = found else { return Err(visit.shell.fault(Reason::NothingHere)) };
    let title = look.fill("audit.record", &[("number", &number.to_string())]);
    let whole: serde_json::Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let content = html! {
        header.page { h1 { (title) } }
        (table(look, std::slice::from_ref(&entry)))
        @if let Some(message) = entry.told.answer.as_ref().and_then(|answer| answer.context.message.as_deref()) { p.note { (message) } }
        p { a.button href=(again(&entry)) { (look.say("audit.again")) } " " a href="/ui/audit" { (look.say("audit.all")) } }
        h2 { (look.say("audit.whole")) }
        pre { code { (format!("{whole:#}")) } }
    };
    Ok(visit.shell.page(&title, Some(Section::Audit), &content))
}

/// Reads the log where no answer waits; none where none is kept.
pub(super) async fn read(
    visit: &Visit,
    filter: Filter,
    most: usize,
    since: Option<DateTime<Utc>>,
) -> Result<Option<Read>, Fault> {
    let Some(source) = visit.app.audit.source() else { return Ok(None) };
    let read = tokio::task::spawn_blocking(move || read_now(&source, filter, most, since)).await;
    let failed = |message: String| visit.shell.fault(Reason::Failed(message));
    let read = read.map_err(|error| failed(error.to_string()))?;
    read.map(Some).map_err(|fault| failed(fault.to_string()))
}

fn read_now(
    source: &Source,
    mut filter: Filter,
    most: usize,
    since: Option<DateTime<Utc>>,
) -> Result<Read, crate::server::audit::Fault> {
    let log = source.open()?;
    let counted = since.map_or(Ok(Vec::new()), |since| log.counted(since))?;
    let (first, last) = log.span()?.unwrap_or_default();
    let newest = filter.before.map_or(last, |before| last.min(before.saturating_sub(1)));
    let least = newest.saturating_sub(LOOKED);
    filter.from = Some(filter.from.unwrap_or(least).max(least));
    let mut entries: Vec<Entry> = Vec::new();
    let mut take = |entry| {
        entries.push(entry);
        if entries.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    log.read(&filter, Order::Newest, &mut take, &mut |_| ())?;
    // One more than is shown tells that there are more.
    let rest = if entries.len() > most {
        entries.truncate(most);
        entries.last().map(|last| last.seq)
    } else {
        (least > first).then_some(least)
    };
    Ok(Read { entries, rest, counted })
}

fn filter(fields: &Fields) -> Filter {
    let text = |name: &str| fields.some(name).map(str::to_owned);
    let day = |name: &str| fields.some(name).and_then(|text| text.parse::<NaiveDate>().ok());
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    Filter {
        principal: text("principal"),
        resource: text("resource"),
        action: text("action"),
        code: text("code"),
        is_allow: match fields.get("decision") {
            "allow" => Some(true),
            "deny" => Some(false),
            _ => None,
        },
        since: day("since").and_then(midnight),
        until: day("until").and_then(|day| day.succ_opt()).and_then(midnight),
        from: None,
        before: fields.some("before").and_then(|text| text.parse().ok()),
        most: None,
    }
}

fn form(look: Look, fields: &Fields) -> Markup {
    let verdicts =
        [("", look.say("filter.any")), ("allow", look.say("verdict.allow")), ("deny", look.say("verdict.deny"))];
    let day = |name: &str, label: &str| {
        html! { div.field { label for=(name) { (label) } input id=(name) name=(name) type="date" value=(fields.get(name)); } }
    };
    html! {
        form.filter method="get" action="/ui/audit" role="search" {
            @if let Some(period) = fields.some("period") { input type="hidden" name="period" value=(period); }
            (input("principal", look.say("audit.principal"), fields.get("principal"), ""))
            (input("resource", look.say("audit.resource"), fields.get("resource"), ""))
            (input("action", look.say("try.action"), fields.get("action"), ""))
            (select("decision", look.say("audit.decision"), fields.get("decision"), verdicts))
            (input("code", look.say("fault.code"), fields.get("code"), ""))
            (day("since", look.say("audit.since")))
            (day("until", look.say("audit.until")))
            button { (look.say("filter.show")) }
        }
    }
}

/// Records, one a row.
pub(super) fn table(look: Look, entries: &[Entry]) -> Markup {
    if entries.is_empty() {
        return html! { p.empty { (look.say("audit.none")) } };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label=(look.say("nav.audit")) {
            table.records {
                (head(look))
                tbody #records { @for entry in entries { (row(look, entry)) } }
            }
        }
    }
}

fn head(look: Look) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { (look.say("audit.time")) }
                th scope="col" { (look.say("audit.decision")) }
                th scope="col" { (look.say("audit.principal")) }
                th scope="col" { (look.say("try.action")) }
                th scope="col" { (look.say("audit.resource")) }
                th scope="col" { (look.say("audit.rule")) }
                th scope="col" { (look.say("audit.from")) }
            }
        }
    }
}

fn row(look: Look, entry: &Entry) -> Markup {
    let told = &entry.told;
    let asked = told.request.as_ref();
    html! {
        tr {
            td { a.number href=(format!("/ui/audit/{}", entry.seq)) { @match told.instant() { Some(at) => (time(at)), None => (told.time) } } }
            td {
                @match told.verdict() {
                    Some(is_allow) => (verdict(look, is_allow, told.code())),
                    None => span.verdict.other { (told.event) },
                }
            }
            td { @if let Some(asked) = asked { (asked.subject) } }
            td { @if let Some(asked) = asked { code { (asked.action.name) } } }
            td { @if let Some(asked) = asked { (asked.resource) } @if let Some(message) = &told.message { (message) } }
            td { @if let Some(name) = told.answer.as_ref().and_then(|answer| answer.context.rule.as_deref()) { (rule(name)) } }
            td.muted { (told.surface.as_deref().unwrap_or_default()) " " (told.ip.as_deref().unwrap_or_default()) }
        }
    }
}

/// The way to try what a record asked.
fn again(entry: &Entry) -> String {
    let Some(asked) = &entry.told.request else { return "/ui/try".to_owned() };
    link(
        "/ui/try",
        &[
            ("principal_kind", &asked.subject.kind),
            ("principal", asked.subject.id.as_deref().unwrap_or_default()),
            ("action", &asked.action.name),
            ("resource_kind", &asked.resource.kind),
            ("resource", asked.resource.id.as_deref().unwrap_or_default()),
            ("ip", entry.told.ip.as_deref().unwrap_or_default()),
            ("time", &entry.told.time),
        ],
    )
}

fn more(look: Look, fields: &Fields, read: &Read) -> Markup {
    html! {
        nav.pager aria-label=(look.say("pager.pages")) {
            @if fields.some("before").is_some() { a rel="prev" href=(fields.link("/ui/audit", "before", "")) { (look.say("audit.newest")) } }
            @if let Some(rest) = read.rest { a rel="next" href=(fields.link("/ui/audit", "before", &rest.to_string())) { (look.say("audit.older")) } }
        }
    }
}

/// Decisions and denials over time.
fn charts(look: Look, fields: &Fields, period: Period, now: DateTime<Utc>, counted: &[Counted]) -> Markup {
    let mut denials: BTreeMap<&str, u64> = BTreeMap::new();
    for found in counted.iter().filter(|found| !found.code.is_empty()) {
        let count = denials.entry(&found.code).or_default();
        *count = count.saturating_add(found.count);
    }
    let mut codes: Vec<(&str, u64)> = denials.into_iter().collect();
    codes.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
    let named: Vec<&str> = codes.iter().take(CODES).map(|(code, _)| *code).collect();
    let columns = columns(period, now);
    let sum = |takes: &dyn Fn(&str) -> bool| -> Vec<u64> {
        let within = |(start, end): &(i64, i64)| {
            let there = counted.iter().filter(|found| (*start..*end).contains(&found.hour) && takes(&found.code));
            there.map(|found| found.count).fold(0, u64::saturating_add)
        };
        columns.iter().map(within).collect()
    };
    let decisions = vec![
        Series { name: look.say("verdict.allow").to_owned(), class: "allow", values: sum(&str::is_empty) },
        Series { name: look.say("verdict.deny").to_owned(), class: "deny", values: sum(&|code| !code.is_empty()) },
    ];
    let classes = ["code-1", "code-2", "code-3", "code-4"];
    let mut by_code: Vec<Series> = Vec::new();
    for (code, class) in named.iter().zip(classes) {
        by_code.push(Series { name: (*code).to_owned(), class, values: sum(&|found| found == *code) });
    }
    if codes.len() > CODES {
        let others = sum(&|found| !found.is_empty() && !named.contains(&found));
        by_code.push(Series { name: look.say("audit.others").to_owned(), class: "code-5", values: others });
    }
    let (_, _, format) = period.bars();
    let labels = |(start, _): &(i64, i64)| {
        DateTime::from_timestamp_micros(*start).map_or_else(String::new, |at| at.format(format).to_string())
    };
    let labels: Vec<String> = columns.iter().map(labels).collect();
    html! {
        div.periods role="group" aria-label=(look.say("audit.period")) {
            @for other in Period::ALL { a href=(fields.link("/ui/audit", "period", other.name())) aria-current=[(other == period).then_some("true")] { (look.say(other.words())) } }
            span.muted { (look.say("audit.utc")) }
        }
        div.charts {
            (Bars { title: look.say("audit.decisions"), labels: &labels, series: &decisions }.render(look))
            (Bars { title: look.say("audit.denials"), labels: &labels, series: &by_code }.render(look))
        }
    }
}

/// When the bars of a chart begin and end, in microseconds since 1970. The last holds the present hour.
fn columns(period: Period, now: DateTime<Utc>) -> Vec<(i64, i64)> {
    let (hours, count, _) = period.bars();
    let width = HOUR.saturating_mul(hours);
    let end = now.timestamp_micros().div_euclid(HOUR).saturating_add(1).saturating_mul(HOUR);
    let column = |back: usize| {
        let back = width.saturating_mul(i64::try_from(back).unwrap_or(i64::MAX));
        let end = end.saturating_sub(back);
        (end.saturating_sub(width), end)
    };
    (0..count).rev().map(column).collect()
}
