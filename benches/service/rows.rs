//! The rows of the table.

use crate::{
    documents,
    load::{self, Measured, Plan, TURNS, in_turns, post},
    server::Server,
};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

const POLICY: &str = r#"
role researcher;
allow role researcher to infer;
allow service "point" to evaluate, assert;
deny anyone to infer on tag sensitive unless ip in [10.0.0.0/8] else OUTSIDE 403 "only from the intranet";
deny anyone to infer when time > 2030-01-01T00:00:00Z else OVER 403;
model "qwen3" { tags: [open]; }
"#;

const SINGLE: &str = "/access/v1/evaluation";

fn request(number: u64) -> String {
    let (user, host) = (number % 100_000, number % 250);
    format!(
        r#"{{"subject":{{"type":"user","id":"user-{user}","properties":{{"roles":["researcher"]}}}},"action":{{"name":"infer"}},"resource":{{"type":"model","id":"qwen3"}},"context":{{"ip":"10.0.0.{host}"}}}}"#
    )
}

fn single(number: u64) -> Vec<u8> {
    post(SINGLE, "", &request(number))
}

const MANY: &str = "/access/v1/evaluations";

/// A hundred requests in one, each by somebody else and said in full.
fn batch(number: u64) -> Vec<u8> {
    let items: Vec<String> = (0..100).map(|item| request(number * 100 + item)).collect();
    post(MANY, "", &format!(r#"{{"evaluations":[{}]}}"#, items.join(",")))
}

/// What a page or a search asks: what one user may do with a hundred models.
fn batch_of_one_user(number: u64) -> Vec<u8> {
    let item = |item: u64| format!(r#"{{"resource":{{"type":"model","id":"qwen{item}"}}}}"#);
    let items: Vec<String> = (0..100).map(item).collect();
    let (user, host) = (number % 100_000, number % 250);
    let shared = format!(
        r#""subject":{{"type":"user","id":"user-{user}","properties":{{"roles":["researcher"]}}}},"action":{{"name":"infer"}},"context":{{"ip":"10.0.0.{host}"}}"#
    );
    post(MANY, "", &format!(r#"{{{shared},"evaluations":[{}]}}"#, items.join(",")))
}

pub(crate) fn all(time: Duration) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("lab.policy"), POLICY).unwrap();
    println!("| what | service | against | ratio |\n| --- | ---: | ---: | ---: |");
    let rate = rates(folder.path(), time);
    latencies(folder.path(), time, rate / 2.0);
    batches(folder.path(), time);
    gateway(folder.path(), time);
    changes();
    memory(folder.path());
}

fn row(what: &str, service: &str, against: &str, ratio: f64) {
    println!("| {what} | {service} | {against} | {ratio:.2} × |");
}

fn off(folder: &Path) -> Server {
    fs::write(folder.join("off.toml"), "state = \"memory\"\n[audit]\ndurability = \"off\"\n").unwrap();
    Server::policyc(folder, &["lab.policy", "--config", "off.toml"])
}

fn as_fast_as_can_be(server: &Server, draw: fn(u64) -> Vec<u8>) -> Plan {
    Plan { address: server.address, rate: None, draw }
}

/// The rate of requests, and what the audit log leaves of it; gives the lesser of the bare handler's and the service's.
fn rates(folder: &Path, time: Duration) -> f64 {
    let audited = |durability: &str| {
        let config = format!("{durability}.toml");
        let state = folder.join(format!("state-{durability}"));
        let text = format!("state = {state:?}\n[audit]\ndurability = \"{durability}\"\n");
        fs::write(folder.join(&config), text).unwrap();
        Server::policyc(folder, &["lab.policy", "--config", &config])
    };
    let servers = [Server::own("bare"), off(folder), audited("async"), audited("sync")];
    let plans = servers.each_ref().map(|server| as_fast_as_can_be(server, single));
    let [bare, service, asynchronous, synchronous] = in_turns(TURNS, time, plans);
    let compare = |what: &str, one: &Measured, other: &Measured| {
        row(what, &format!("{:.0}/s", one.rate()), &format!("{:.0}/s", other.rate()), one.ratio(other));
    };
    compare("requests, against a bare handler", &service, &bare);
    compare("with the audit log `async`, against none", &asynchronous, &service);
    compare("with the audit log `sync`, against none", &synchronous, &service);
    bare.rate().min(service.rate())
}

/// The turns are short: where the machine does something else for some hundredths of a second, that hits few of them.
fn latencies(folder: &Path, time: Duration, rate: f64) {
    let servers = [Server::own("bare"), off(folder)];
    let at_that_rate = |server: &Server| Plan { address: server.address, rate: Some(rate), draw: single };
    let [bare, service] = in_turns(10 * TURNS, time, servers.each_ref().map(at_that_rate));
    let compare = |of: &str, of_which: fn(&Measured) -> f64| {
        let [service, bare] = [of_which(&service), of_which(&bare)];
        let what = format!("99th percentile {of}, at {rate:.0} requests a second");
        row(&what, &format!("{service:.0} µs"), &format!("{bare:.0} µs"), service / bare);
    };
    compare("in the median turn", |measured| measured.percentile(99));
    compare("of all turns", |measured| measured.percentile_of_all(99));
}

fn batches(folder: &Path, time: Duration) {
    let service = off(folder);
    let forms = [single, batch, batch_of_one_user].map(|draw| as_fast_as_can_be(&service, draw));
    let [one, others, own] = in_turns(TURNS, time, forms);
    for (form, batches) in [("each by somebody else", others), ("of one user and 100 models", own)] {
        row(
            &format!("decisions in batches of 100, {form}, against single requests"),
            &format!("{:.0}/s", batches.rate() * 100.0),
            &format!("{:.0}/s", one.rate()),
            batches.ratio(&one) * 100.0,
        );
    }
}

/// What a model's answer that is streamed through the gateway takes longer than from the model itself.
fn gateway(folder: &Path, time: Duration) {
    const RATE: f64 = 1_000.0;
    let chat = |_: u64| post("/v1/chat/completions", "", r#"{"model":"qwen3","stream":true,"messages":[]}"#);
    let model = Server::own("upstream");
    let policy = "allow anyone to infer;\nmodel \"qwen3\" { tags: [open]; }\n";
    fs::write(folder.join("gateway.policy"), policy).unwrap();
    let upstream = format!("[[gateway.upstream]]\nname = \"model\"\nurl = \"http://{}\"\n", model.address);
    let text = format!("state = \"memory\"\n[audit]\ndurability = \"off\"\n{upstream}");
    fs::write(folder.join("gateway.toml"), text).unwrap();
    let service = Server::policyc(folder, &["gateway.policy", "--config", "gateway.toml"]);
    let plan = |server: &Server| Plan { address: server.address, rate: Some(RATE), draw: chat };
    let [direct, through] =
        in_turns(TURNS, time, [plan(&model), plan(&service)]).map(|measured| measured.percentile(50));
    row(
        "a streamed answer through the gateway, against the model itself: median",
        &format!("{through:.0} µs"),
        &format!("{direct:.0} µs"),
        through / direct,
    );
}

/// Where there are a hundred thousand lists already.
fn changes() {
    let (change, start) = documents::measure();
    row(
        "a changed list among 100,000, in force: median, against 20 ms",
        &format!("{change:.1} ms"),
        "20 ms",
        change / 20.0,
    );
    row("a start with 100,000 lists, against 3 s", &format!("{start:.2} s"), "3 s", start / 3.0);
    let page = documents::list_models();
    row("a page of 1,000 of 100,000 models: median, against 50 ms", &format!("{page:.1} ms"), "50 ms", page / 50.0);
}

/// Ten million decisions by a hundred thousand principals.
fn memory(folder: &Path) {
    let service = off(folder);
    let decide = |batches: u64| {
        let mut done = 0;
        while done < batches {
            let (rate, _) = load::run(as_fast_as_can_be(&service, batch), Duration::from_secs(2));
            done += (rate * 2.0) as u64;
        }
    };
    decide(10_000);
    let warm = service.memory();
    decide(90_000);
    let later = service.memory();
    row(
        "memory after 10 million decisions, against 1 million",
        &format!("{later:.1} MiB"),
        &format!("{warm:.1} MiB"),
        later / warm,
    );
}
