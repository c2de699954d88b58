//! The shipped tiers, before a server of models: what a tier opens is forwarded, and nothing else is there.

use super::{CHAT, ask, bearer, chat, error, header};
use crate::{
    service::{Service, Setup},
    upstream::Upstream,
};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use std::fs;

const TIERS: [&str; 4] = ["anonymous", "seed", "flower", "nectar"];

/// All models of the catalogue but those for paying users, by the tier that they need.
const MODELS: [(&str, &str); 7] = [
    ("bloom-text", "flower"),
    ("greenhouse-text", "nectar"),
    ("orchard-text", "nectar"),
    ("petal-image", "seed"),
    ("seedling-text", "seed"),
    ("sprout-text", "anonymous"),
    ("wind-audio", "flower"),
];

/// The shipped policies as one text.
fn policy() -> String {
    ["vocabulary", "catalogue", "access", "limits"]
        .map(|name| fs::read_to_string(format!("policies/tiers/{name}.policy")).unwrap())
        .join("\n")
}

fn garden(policy: &str, upstream: &Upstream) -> Service {
    let settings = "state = \"state\"\n[gateway.actions]\nchat = \"generate_text\"\ncompletions = \"generate_text\"\n\
        embeddings = \"generate_text\"\nresponses = \"generate_text\"\nimages = \"generate_image\"\naudio = \"generate_audio\"\n\
        infer = \"generate_text\"\nmodels = \"view\"";
    Setup::new(policy).settings(settings).args(&["--upstream", &format!("gpu={}", upstream.url())]).start()
}

/// A request of somebody on a tier; of nobody, on the lowest.
fn on(service: &Service, tier: &str, request: RequestBuilder) -> RequestBuilder {
    match tier {
        "anonymous" => request,
        _ => request.header("authorization", bearer(service, &format!("{tier}-user tier={tier}"))),
    }
}

fn listed(service: &Service, tier: &str) -> Vec<String> {
    let list: Value = on(service, tier, service.get("/v1/models")).send().unwrap().json().unwrap();
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

fn post(service: &Service, tier: &str, path: &str, body: &str) -> Response {
    on(service, tier, service.post(path, body)).send().unwrap()
}

#[test]
fn a_model_above_the_tier_is_refused_before_the_upstream() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    let response = post(&service, "seed", CHAT, &chat("bloom-text"));
    assert_eq!((response.status().as_u16(), header(&response, "x-policy-code")), (403, "INSUFFICIENT_TIER"));
    let body: Value = response.json().unwrap();
    assert_eq!(
        (&body["error"]["code"], &body["error"]["type"]),
        (&"INSUFFICIENT_TIER".into(), &"request_forbidden".into())
    );
    let message = body["error"]["message"].as_str().unwrap();
    for part in ["bloom-text needs the flower tier", "you are on seed", "Upgrade at https://garden.example/upgrade"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(upstream.count(), 0, "nothing was spent");
    let request = on(&service, "flower", service.post(CHAT, chat("bloom-text").as_str()));
    let asked = std::thread::spawn(move || request.send().unwrap());
    upstream.next().answer("200 OK", "", "petals");
    assert_eq!(asked.join().unwrap().text().unwrap(), "petals");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn what_is_listed_is_what_can_be_used() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    for (rank, tier) in TIERS.iter().enumerate() {
        let list = listed(&service, tier);
        let open = |needs: &str| TIERS.iter().position(|tier| *tier == needs).unwrap() <= rank;
        let wanted: Vec<&str> = MODELS.iter().filter(|(_, needs)| open(needs)).map(|(model, _)| *model).collect();
        assert_eq!(list, wanted, "{tier}");
        for (model, needs) in MODELS {
            if open(needs) {
                let request = on(&service, tier, service.post(CHAT, chat(model).as_str()));
                let asked = std::thread::spawn(move || request.send().unwrap());
                upstream.next().answer("200 OK", "", "");
                assert_eq!(asked.join().unwrap().status(), 200, "{tier} {model}");
                continue;
            }
            let told = post(&service, tier, CHAT, &chat(model));
            assert!([403, 404].contains(&told.status().as_u16()), "{tier} {model}");
            let text = told.text().unwrap();
            let others = MODELS.iter().filter(|(other, _)| *other != model && text.contains(other)).count();
            assert_eq!(others, 0, "a refusal names no other model: {text}");
        }
    }
    let hidden = |model: &str| post(&service, "flower", CHAT, &chat(model)).text().unwrap().replace(model, "…");
    assert_eq!(hidden("greenhouse-text"), hidden("no-such-text"));
}

#[test]
fn a_list_changes_as_soon_as_the_policy_does() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    assert!(!listed(&service, "anonymous").contains(&"petal-image".to_owned()));
    let opened =
        policy().replace("model \"petal-image\" { tier: seed; }", "model \"petal-image\" { tier: anonymous; }");
    fs::write(service.folder.path().join("policies/main.policy"), opened).unwrap();
    service.signal("HUP");
    service.says("another policy set decides");
    assert!(listed(&service, "anonymous").contains(&"petal-image".to_owned()));
}

#[test]
fn who_shows_nothing_is_on_the_lowest_tier_whatever_else_is_sent() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    let asked = |request: RequestBuilder| request.header("x-policy-tier", "nectar").header("x-user-tier", "nectar");
    let spoofed = asked(service.post(CHAT, r#"{"model": "seedling-text", "tier": "nectar", "user": "root"}"#));
    assert_eq!(error(spoofed.send().unwrap()).0, 403);
    let list: Value = asked(service.get("/v1/models")).send().unwrap().json().unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    let broken = service.get("/v1/models").header("authorization", "Bearer nonsense").send().unwrap();
    assert_eq!(error(broken).0, 401, "a credential that does not hold is nobody's, not even the lowest's");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn every_path_asks_by_every_method() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    let body = chat("orchard-text");
    for path in [
        CHAT,
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/models/orchard-text/infer",
        "/infer/",
    ] {
        assert_eq!(error(post(&service, "seed", path, &body)).1, "INSUFFICIENT_TIER", "{path}");
        let get = on(&service, "seed", service.get(path)).send().unwrap().status().as_u16();
        assert!([404, 405].contains(&get), "GET {path}: {get}");
    }
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\norchard-text\r\n--b--\r\n";
    for path in ["/v1/audio/transcriptions", "/v1/audio/translations"] {
        let request = on(&service, "seed", service.bare_post(path));
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(form);
        assert_eq!(error(request.send().unwrap()).1, "INSUFFICIENT_TIER", "{path}");
    }
    let one = on(&service, "seed", service.get("/v1/models/orchard-text")).send().unwrap();
    assert_eq!(error(one).1, "model_not_found");
    for path in ["/v1/files", "/v1/chat/completions/", "/v1", "/generate"] {
        assert_eq!(post(&service, "nectar", path, &body).status(), 404, "{path}");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn every_refusal_says_what_to_do() {
    let upstream = Upstream::start();
    let service = garden(&policy(), &upstream);
    let message = |response: Response| {
        let status = response.status().as_u16();
        let body: Value = response.json().unwrap();
        (status, body["error"]["message"].as_str().unwrap().to_owned())
    };
    let asked = ask(&service, CHAT, &chat("sprout-text"));
    let running = upstream.next();
    let nectar = |body: &str| post(&service, "nectar", CHAT, body);
    let broken = service.post(CHAT, chat("sprout-text").as_str()).header("authorization", "Bearer nonsense");
    for (response, status, guidance) in [
        (post(&service, "seed", CHAT, &chat("bloom-text")), 403, "Upgrade at https://garden.example/upgrade"),
        (nectar(&chat("harvest-text")), 402, "Add a payment method at https://garden.example/billing"),
        (post(&service, "anonymous", CHAT, &chat("sprout-text")), 429, "Wait for the one that is running, or upgrade"),
        (nectar(&chat("no-such-text")), 404, "does not exist or you do not have access to it"),
        (nectar("{}"), 400, "model"),
        (nectar("{"), 400, ""),
        (broken.send().unwrap(), 401, "--dev-token"),
    ] {
        let (told, text) = message(response);
        assert_eq!(told, status, "{text}");
        assert!(!text.is_empty() && text.contains(guidance), "{status}: {text}");
    }
    running.answer("200 OK", "", "");
    asked.join().unwrap();
}

#[test]
fn messages_are_in_the_language_of_the_policy() {
    let upstream = Upstream::start();
    let refused = policy().replace("Upgrade at https://garden.example/upgrade, or choose", "请升级您的等级。Or choose");
    let service = garden(&refused, &upstream);
    let body: Value = post(&service, "seed", CHAT, &chat("bloom-text")).json().unwrap();
    assert!(body["error"]["message"].as_str().unwrap().contains("请升级您的等级。"), "{body}");
}
