//! What OpenAI's client for administrators sets for projects: in force at once, at the gateway and for whoever asks.

use crate::{
    identity::policyc,
    python,
    service::{Service, Setup},
    upstream::Upstream,
};
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use std::{fs, thread};

const LAB: &str = r#"
actions infer, manage, confirm;
kinds project;
role admin;
attribute tokens: int = 0;
attribute principal.org = none;
attribute resource.protected: bool = false;
attribute resource.proposer: text;
attribute confirmed: bool = false;
model "o3" {}
model "acme/chat" {}
model "vault" { protected: true; }
project "safe" { protected: true; }
everybody: allow anyone except anonymous to infer on any model;
admins: allow role admin to manage, confirm;
not_oneself: deny anyone to confirm when principal.id == resource.proposer else SECOND_PERSON;
board: always allow org "board" to infer on "o3";
nobody: never allow anonymous to infer;
"#;

struct Lab {
    service: Service,
    ann: String,
    ben: String,
    /// A member of the project `acme`.
    cy: String,
    upstream: Upstream,
}

impl Lab {
    fn start() -> Self {
        let upstream = Upstream::start();
        let service = Setup::new(LAB).args(&["--upstream", &format!("gpu={}", upstream.url())]).start();
        Self::of(service, upstream)
    }

    fn of(service: Service, upstream: Upstream) -> Self {
        let token =
            |words: &str| policyc(&service, &["--dev-token", words, "--config", "serve.toml"]).0.trim().to_owned();
        let [ann, ben, cy] = ["user ann roles=admin", "user ben roles=admin", "user cy org=acme"].map(token);
        Self { service, ann, ben, cy, upstream }
    }

    fn may(&self, org: &str, model: &str) -> bool {
        let request = json!({
            "subject": { "type": "user", "id": "x", "properties": { "org": org } },
            "action": { "name": "infer" }, "resource": { "type": "model", "id": model },
        });
        let answer = self.service.post("/access/v1/evaluation", &request.to_string()).send().unwrap();
        answer.json::<Value>().unwrap()["decision"] == true
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let path = format!("/v1/organization/projects/{path}");
        self.service.post(&path, &body.to_string()).bearer_auth(&self.ann)
    }

    fn list(&self, project: &str, mode: &str, models: &[&str]) -> RequestBuilder {
        self.post(&format!("{project}/model_permissions"), &json!({ "mode": mode, "model_ids": models }))
    }

    fn delete(&self, project: &str) -> RequestBuilder {
        let path = format!("/v1/organization/projects/{project}/model_permissions");
        self.service.client.delete(self.service.url(&path)).bearer_auth(&self.ann)
    }
}

fn sent(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().unwrap();
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// What administrators write with OpenAI's client in Python.
const ADMIN: &str = r#"
import openai, sys
base = sys.argv[1] + "/v1"
admin = openai.OpenAI(admin_api_key=sys.argv[2], base_url=base)
member = openai.OpenAI(api_key=sys.argv[3], base_url=base)
projects = admin.admin.organization.projects
permissions, limits = projects.model_permissions, projects.rate_limits
names = lambda: [model.id for model in member.models.list()]
def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise SystemExit(f"no {kind}")

assert names() == ["acme/chat", "o3", "vault"], names()
refused(openai.NotFoundError, lambda: permissions.retrieve("acme"))
set = permissions.update("acme", mode="deny_list", model_ids=["o3", "vault", "o3"])
assert (set.object, set.mode, set.api_model_ids) == ("project.model_permissions", "deny_list", ["o3", "vault"]), set
assert permissions.retrieve("acme") == set
assert names() == ["acme/chat"], names()
error = refused(openai.PermissionDeniedError, lambda: member.chat.completions.create(model="o3", messages=[]))
assert error.code == "MODEL_NOT_ALLOWED" and "`o3`" in error.message, error
permissions.update("acme", mode="allow_list", model_ids=["acme/chat"])
assert names() == ["acme/chat"], names()
error = refused(openai.BadRequestError, lambda: permissions.update("acme", mode="deny_list", model_ids=["o33"]))
assert (error.code, error.param) == ("model_not_found", "model_ids"), error
error = refused(openai.PermissionDeniedError, lambda: member.with_options(admin_api_key=sys.argv[3]).admin.organization.projects.model_permissions.retrieve("acme"))
assert error.code == "NO_RULE", error
error = refused(openai.AuthenticationError, lambda: admin.with_options(admin_api_key="wrong").admin.organization.projects.model_permissions.retrieve("acme"))
assert error.code == "invalid_api_key", error

assert list(limits.list_rate_limits("acme")) == []
limit = limits.update_rate_limit("rl-o3", project_id="acme", max_requests_per_1_minute=2, max_tokens_per_1_minute=5000)
assert (limit.id, limit.model, limit.object) == ("rl-o3", "o3", "project.rate_limit"), limit
assert (limit.max_requests_per_1_minute, limit.max_tokens_per_1_minute) == (2, 5000), limit
other = limits.update_rate_limit("rl-acme/chat", project_id="acme", max_requests_per_1_minute=1)
assert other.max_tokens_per_1_minute is None, other
assert [one.id for one in limits.list_rate_limits("acme", limit=1)] == ["rl-acme/chat", "rl-o3"]
page = limits.list_rate_limits("acme", before="rl-o3", limit=1)
assert [one.id for one in page.data] == ["rl-acme/chat"] and not page.has_more
error = refused(openai.BadRequestError, lambda: limits.update_rate_limit("rl-o3", project_id="acme", max_images_per_1_minute=1))
assert error.param == "max_images_per_1_minute", error
assert list(limits.list_rate_limits("other")) == []
"#;

#[test]
fn the_client_of_openai_sets_what_projects_may_use() {
    let Some(mut python) = python::with("openai") else { return };
    let lab = Lab::start();
    let ran = python.args(["-c", ADMIN, &lab.service.url(""), &lab.ann, &lab.cy]).status().unwrap();
    assert!(ran.success());
    assert_eq!(lab.upstream.count(), 0);
    let ask = || {
        let body = r#"{"model": "acme/chat", "messages": [], "max_tokens": 10}"#;
        let request = lab.service.post("/v1/chat/completions", body).bearer_auth(&lab.cy);
        thread::spawn(move || sent(request))
    };
    let first = ask();
    lab.upstream.next().answer("200 OK", "content-type: application/json\r\n", r#"{"usage":{"total_tokens":3}}"#);
    assert_eq!(first.join().unwrap().0, 200);
    let (status, error) = ask().join().unwrap();
    assert_eq!((status, &error["error"]["code"]), (429, &json!("rate_limit_exceeded")), "{error}");
}

#[test]
fn a_list_prohibits_its_members_alone_and_survives_the_service() {
    let lab = Lab::start();
    let all = |lab: &Lab| [lab.may("acme", "o3"), lab.may("acme", "acme/chat"), lab.may("other", "o3")];
    assert_eq!(all(&lab), [true, true, true]);
    assert_eq!(sent(lab.list("acme", "deny_list", &["o3"])).0, 200);
    assert_eq!(all(&lab), [false, true, true]);
    assert_eq!(sent(lab.list("acme", "allow_list", &["o3", "vault"])).0, 200);
    assert_eq!(all(&lab), [true, false, true]);
    assert_eq!(sent(lab.list("acme", "allow_list", &["vault"])).0, 200);
    assert_eq!(all(&lab), [false, false, true]);
    let Lab { service, upstream, .. } = lab;
    let lab = Lab::of(service.again(&["policies"]), upstream);
    assert_eq!(all(&lab), [false, false, true]);
    assert_eq!(sent(lab.list("acme", "deny_list", &["acme/chat"])).0, 200);
    assert_eq!(all(&lab), [true, false, true]);
    let (_, exported) = sent(lab.service.get("/v1/admin/documents/export").bearer_auth(&lab.ann));
    let file = exported["files"]["managed/project/project-acme.policy"].as_str().unwrap();
    assert!(file.starts_with("project_acme_models: deny org \"acme\" to \"infer\" on \"acme/chat\" else"), "{file}");
    assert_eq!(sent(lab.delete("acme")).1, json!({ "object": "project.model_permissions.deleted", "deleted": true }));
    assert_eq!(all(&lab), [true, true, true]);
    let (status, error) = sent(lab.delete("acme"));
    assert_eq!((status, &error["error"]["code"]), (404, &json!("not_found")));
}

#[test]
fn what_cannot_be_meant_changes_nothing() {
    let lab = Lab::start();
    let bad = |status: u16, wanted: &str, request: RequestBuilder| {
        let (got, answer) = sent(request);
        assert_eq!(got, status, "{answer}");
        let error = &answer["error"];
        assert!(error["message"].as_str().is_some_and(|message| message.contains(wanted)), "{wanted}: {answer}");
        assert!(error["type"].is_string() && error.get("param").is_some() && error.get("code").is_some(), "{answer}");
    };
    let path = "/v1/organization/projects/acme/model_permissions";
    let plain = |body: &str| lab.service.post(path, body).bearer_auth(&lab.ann);
    bad(400, "not as it must be", plain("{"));
    bad(400, "duplicate field", plain(r#"{"mode":"deny_list","model_ids":[],"model_ids":["o3"]}"#));
    bad(400, "unknown variant", plain(r#"{"mode":"deny","model_ids":["o3"]}"#));
    bad(400, "model_ids", plain(r#"{"mode":"deny_list"}"#));
    bad(400, "invalid type", plain(r#"{"mode":"deny_list","model_ids":"o3"}"#));
    bad(400, "unknown field", plain(r#"{"mode":"deny_list","model_ids":[],"x":1}"#));
    bad(400, "Content-Type", lab.service.bare_post(path).bearer_auth(&lab.ann).body("{}"));
    bad(400, "`gpt-\u{1f600}` does not exist", lab.list("acme", "deny_list", &["o3", "gpt-\u{1f600}"]));
    bad(413, "larger", plain(&format!("{{\"mode\":\"deny_list\",\"model_ids\":[\"{}\"]}}", "x".repeat(1 << 20))));
    bad(400, "control characters", lab.list("a%00b", "deny_list", &["o3"]));
    bad(401, "", lab.service.post(path, "{}").bearer_auth("nonsense"));
    bad(403, "", lab.service.post(path, "{").bearer_auth(&lab.cy));
    bad(422, "always so", lab.list("board", "deny_list", &["o3"]));
    bad(422, "always so", lab.list("board", "allow_list", &["acme/chat"]));
    assert_eq!(sent(lab.list("board", "deny_list", &["acme/chat"])).0, 200, "of which nothing is claimed");
    for (body, wanted) in [
        (json!({ "max_requests_per_1_minute": 0 }), "whole number"),
        (json!({ "max_requests_per_1_minute": "7" }), "whole number"),
        (json!({ "max_requests_per_1_minute": 1.5 }), "whole number"),
        (json!({ "max_requests_per_1_day": 5 }), "Nothing is limited"),
        (json!([]), "not as it must be"),
    ] {
        bad(400, wanted, lab.post("acme/rate_limits/rl-o3", &body));
    }
    bad(400, "does not exist", lab.post("acme/rate_limits/rl-none", &json!({ "max_requests_per_1_minute": 5 })));
    bad(400, "is called", lab.post("acme/rate_limits/o3", &json!({ "max_requests_per_1_minute": 5 })));
    let page = |query: &str| lab.service.get(&format!("/v1/organization/projects/acme/rate_limits?{query}"));
    bad(400, "1 to 100", page("limit=0").bearer_auth(&lab.ann));
    bad(400, "", page("limit=x").bearer_auth(&lab.ann));
    assert!(lab.may("acme", "o3"));
    assert_eq!(sent(lab.service.get(path).bearer_auth(&lab.ann)).0, 404, "nothing was kept");
}

/// Who expects a version overwrites no other; who expects none loses nothing that others write at the same time.
#[test]
fn of_many_who_write_at_once_nothing_is_lost() {
    let lab = Lab::start();
    let first = lab.list("acme", "deny_list", &["o3"]).header("if-none-match", "*").send().unwrap();
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let limit =
        |model: &str| lab.post(&format!("acme/rate_limits/rl-{model}"), &json!({ "max_requests_per_1_minute": 9 }));
    let writing: Vec<_> = ["o3", "acme/chat", "vault"]
        .map(limit)
        .into_iter()
        .map(|request| thread::spawn(move || sent(request).0))
        .collect();
    for written in writing {
        assert_eq!(written.join().unwrap(), 200);
    }
    let limits = lab.service.get("/v1/organization/projects/acme/rate_limits").bearer_auth(&lab.ann);
    assert_eq!(sent(limits).1["data"].as_array().unwrap().len(), 3);
    assert!(!lab.may("acme", "o3"), "the list is still there");
    let (status, error) = sent(lab.list("acme", "deny_list", &[]).header("if-match", &tag));
    assert_eq!((status, &error["error"]["code"]), (412, &json!("CONFLICT")), "{error}");
    let (status, limit) = sent(lab.post("acme/rate_limits/rl-o3", &json!({ "max_requests_per_1_minute": null })));
    assert_eq!((status, &limit["max_requests_per_1_minute"]), (200, &Value::Null));
    let (status, _) = sent(lab.post("acme/rate_limits/rl-vault", &json!({ "max_requests_per_1_minute": null })));
    assert_eq!(status, 409, "more of a protected model needs two");
}

#[test]
fn what_opens_something_protected_needs_two() {
    let lab = Lab::start();
    assert_eq!(sent(lab.list("safe", "deny_list", &["o3", "acme/chat"])).0, 200, "what prohibits needs nobody else");
    assert_eq!(sent(lab.list("acme", "deny_list", &["o3", "vault"])).0, 200);
    let response = lab.list("safe", "deny_list", &["o3"]).send().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-should-retry"].to_str().unwrap()), (409, "false"));
    assert!(!lab.may("safe", "acme/chat"));
    assert_eq!(sent(lab.list("acme", "deny_list", &["vault"])).0, 200, "neither is protected");
    let (status, error) = sent(lab.delete("acme"));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("CONFIRMATION_REQUIRED")), "the model is: {error}");
    let digest = error["error"]["digest"].as_str().unwrap();
    let confirm =
        |who: &str| sent(lab.service.bare_post(&format!("/v1/admin/changes/{digest}/confirm")).bearer_auth(who)).0;
    assert_eq!((confirm(&lab.ann), lab.may("acme", "vault")), (403, false));
    assert_eq!((confirm(&lab.ben), lab.may("acme", "vault")), (200, true));
}

/// What a project may not use can be what makes a claim true of what others allow: then it stays as long as they do.
#[test]
fn what_a_claim_has_come_to_need_stays() {
    const APART: &str = r#"
actions infer, manage;
kinds project;
role admin;
role researcher;
attribute tokens: int = 0;
attribute principal.org = none;
model "m" {}
admins: allow role admin to manage;
apart: never allow org "acme" to infer on "m";
"#;
    let lab = Lab::of(Setup::new(APART).start(), Upstream::start());
    let rules = json!([{ "principal": { "type": "role", "value": "researcher" }, "operations": ["infer"] }]);
    let document = json!({ "model": "m", "rules": rules }).to_string();
    let url = lab.service.url("/v1/acl/model");
    let allow = || lab.service.client.put(&url).bearer_auth(&lab.ann).body(document.clone());
    assert_eq!(sent(allow()).0, 422, "a researcher may be a member");
    assert_eq!(sent(lab.list("acme", "deny_list", &["m"])).0, 200);
    assert_eq!(sent(allow()).0, 200);
    for (request, what) in [(lab.delete("acme"), "no list"), (lab.list("acme", "deny_list", &[]), "an empty list")] {
        let (status, error) = sent(request);
        assert_eq!(status, 422, "{what}: {error}");
        assert!(error.to_string().contains("`apart` is refuted"), "{what}: {error}");
    }
    let deleted = lab.service.client.delete(format!("{url}/m")).bearer_auth(&lab.ann);
    assert_eq!(sent(deleted).0, 204);
    assert_eq!(sent(lab.delete("acme")).0, 200);
}

/// What is proved of a resource is proved beside what projects prohibit; files win, and what was prohibited stays.
#[test]
fn files_and_documents_go_together() {
    let lab = Lab::start();
    assert_eq!(sent(lab.list("acme", "allow_list", &["acme/chat"])).0, 200);
    let path = lab.service.folder.path().join("policies/main.policy");
    fs::write(&path, format!("{LAB}acme: always allow org \"acme\" to infer on \"o3\";\n")).unwrap();
    lab.service.signal("HUP");
    lab.service.says("does not go with the policy files");
    lab.service.says("another policy set decides");
    assert!(!lab.may("acme", "o3"), "what it prohibits stays");
    assert_eq!(sent(lab.list("other", "deny_list", &["o3"])).0, 200, "others can be changed");
    fs::write(&path, LAB).unwrap();
    lab.service.signal("HUP");
    lab.service.says("another policy set decides");
    assert!(!lab.may("acme", "o3") && lab.may("acme", "acme/chat"));
}
