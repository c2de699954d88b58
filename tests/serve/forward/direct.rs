//! What a proxy gets that asks.

use super::{POLICY, settings};
use crate::service::{Setup, show};

const HEADERS: [&str; 13] = [
    "content-type",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "x-policy-user",
    "x-policy-kind",
    "x-policy-org",
    "x-policy-tier",
    "x-policy-roles",
    "x-policy-rule",
    "x-policy-request-id",
    "x-policy-obligation",
    "x-envoy-auth-headers-to-remove",
];

#[test]
fn an_allow_sets_every_header() {
    let service = Setup::new(POLICY).settings(&settings()).start();
    let asked = service.get("/authz").header("x-forwarded-method", "POST").header("x-request-id", "r-1");
    let answer = asked.header("x-forwarded-uri", "/v1/models/scarce/infer").send().unwrap();
    let envoy = service.bare_post("/authz/envoy/v1/models/qwen3/infer").header("x-request-id", "r-2").send().unwrap();
    insta::assert_snapshot!(format!("{}\n--\n{}", show(answer, &HEADERS), show(envoy, &HEADERS)));
}

#[test]
fn a_denial_is_told_once_and_nothing_is_charged() {
    let service = Setup::new(POLICY).settings(&settings()).start();
    let ask = || {
        let asked = service.get("/authz").header("x-original-method", "POST");
        asked.header("x-original-uri", "/v1/models/scarce/infer").send().unwrap()
    };
    assert_eq!(ask().status(), 200);
    let denied = ask();
    assert_eq!(denied.status(), 403, "nginx knows no 429");
    let id = denied.headers()["x-policy-explain"].to_str().unwrap().to_owned();
    let explained = service.get(&format!("/authz/explain?id={id}")).send().unwrap();
    assert_eq!(explained.status(), 429);
    assert_eq!(explained.headers()["retry-after"], "3600");
    for path in [format!("/authz/explain?id={id}"), "/authz/explain".to_owned(), "/authz/explain?id=x".to_owned()] {
        assert_eq!(service.get(&path).send().unwrap().status(), 403, "{path}");
    }
}

#[test]
fn a_check_without_charge_needs_the_setting() {
    for (setting, looks) in [("false", false), ("true", true)] {
        let setting = format!("forward.charge_header = {setting}\n{}", settings());
        let service = Setup::new(POLICY).settings(&setting).start();
        let ask = |charge: &str| {
            let asked = service.get("/authz").header("x-forwarded-method", "POST").header("x-policy-charge", charge);
            asked.header("x-forwarded-uri", "/v1/models/scarce/infer").send().unwrap().status().as_u16()
        };
        assert_eq!(ask("none"), 200);
        assert_eq!(ask("none"), if looks { 200 } else { 429 });
        assert_eq!(ask(""), if looks { 200 } else { 429 });
        assert_eq!(ask("none"), 429);
    }
}

#[test]
fn only_trusted_proxies_are_answered() {
    let service = Setup::new(POLICY).settings(&settings().replace("127.0.0.1/32", "192.0.2.1/32")).start();
    let asked = service.get("/authz").header("x-forwarded-method", "POST");
    let answers = [
        asked.header("x-forwarded-uri", "/v1/models/qwen3/infer").send().unwrap(),
        service.bare_post("/authz/envoy/v1/models/qwen3/infer").send().unwrap(),
        service.get("/authz/explain?id=x").send().unwrap(),
    ];
    for answer in answers {
        assert_eq!(answer.status(), 403);
        assert!(answer.text().unwrap().contains("UNTRUSTED_PROXY"));
    }
}

#[test]
fn the_model_comes_from_a_header_where_the_settings_say_so() {
    let route =
        "[[forward.route]]\npath = \"/v1/embeddings\"\naction = \"infer\"\nresource = \"model\"\nfrom = \"header\"\n";
    let setting = format!("forward.model_header = \"x-ai-eg-model\"\n{}{route}", settings());
    let service = Setup::new(POLICY).settings(&setting).start();
    let ask = |models: &[&str]| {
        let asked =
            service.get("/authz").header("x-forwarded-method", "POST").header("x-forwarded-uri", "/v1/embeddings");
        models
            .iter()
            .fold(asked, |asked, model| asked.header("x-ai-eg-model", *model))
            .send()
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!((ask(&["qwen3"]), ask(&["hidden"]), ask(&[]), ask(&["qwen3", "hidden"])), (200, 404, 400, 400));
}

#[test]
fn routes_that_cannot_name_a_resource_are_refused_at_the_start() {
    let mut said = String::new();
    for more in [
        "path = \"/v1/{x}\"",
        "path = \"v1\"",
        "path = \"/v1\"\nfrom = \"header\"",
        "path = \"/v1\"\nfrom = \"body\"\nname = \"x\"",
        "path = \"/v1/{model}\"\nmethods = [\"post\"]",
    ] {
        let route = format!("[[forward.route]]\naction = \"infer\"\nresource = \"model\"\n{more}\n");
        let (code, text) = Setup::new(POLICY).settings(&route).fails();
        said.push_str(&format!("{code} {text}"));
    }
    insta::assert_snapshot!(said);
}
