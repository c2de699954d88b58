//! The model hub, as `huggingface_hub` and scripts see it.

mod client;
mod many;
mod refusals;
mod wire;

use crate::{
    identity::policyc,
    service::{Service, Setup},
};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use std::fs;

/// The shipped policies of the hub without its phases, licences and namespaces of build machines, whose claims gate more than
/// these tests want to.
fn policy() -> String {
    let read = |name: &str| fs::read_to_string(format!("policies/hub-gating/{name}.policy")).unwrap();
    let own = r#"
        model "acme/guard-7b" { org: "acme"; }
        dataset "acme/dialogues" { org: "acme"; }
        dataset "acme/patients" { org: "acme"; }
        space "acme/red-team" { org: "acme"; }
        space "acme/playground" { org: "acme"; }
        model "acme/chat-7b" { org: "acme"; }
        space "acme/demo" { org: "acme"; }
        model "acme/flagship-70b" { org: "acme"; protected: true; }
        user "alice" { org: "acme"; roles: [maintainer@"acme"]; }
        user "carol" { org: "acme"; roles: [maintainer@"acme"]; }
        user "rita" { org: "acme"; roles: [reviewer@"acme"]; }
        allow anyone to view, download;
        allow role maintainer to maintenance;
        allow role reviewer to approve;
        never allow anyone except role reviewer to approve;
    "#;
    ["vocabulary", "gates", "protected"].map(read).join("\n") + own
}

/// A hub with some files, and those who use it.
pub(crate) struct Hub {
    pub(crate) service: Service,
    /// A maintainer of `acme`, and another.
    pub(crate) alice: String,
    pub(crate) carol: String,
    /// A reviewer of `acme`.
    pub(crate) rita: String,
    /// A visitor.
    pub(crate) bob: String,
}

impl Hub {
    pub(crate) fn start() -> Self {
        let setup = Setup::new(&policy()).settings("[hub]\nfiles = \"files\"");
        for (path, text) in [
            ("models/acme/gate-a/config.json", "{\"a\": 1}"),
            ("models/acme/gate-a/weights/part-1.bin", "0123456789"),
            ("models/acme/guard-7b/config.json", "{}"),
            ("datasets/acme/dialogues/train.csv", "a,b\n"),
            ("secret.txt", "nobody reads this"),
        ] {
            let path = setup.path().join("files").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self::of(setup.start())
    }

    fn of(service: Service) -> Self {
        let token =
            |words: &str| policyc(&service, &["--dev-token", words, "--config", "serve.toml"]).0.trim().to_owned();
        let [alice, carol, rita, bob] = ["user alice", "user carol", "user rita", "user bob"].map(token);
        Self { service, alice, carol, rita, bob }
    }

    pub(crate) fn get(&self, who: &str, path: &str) -> Response {
        self.service.get(path).bearer_auth(who).send().unwrap()
    }

    pub(crate) fn post(&self, who: &str, path: &str, body: &Value) -> RequestBuilder {
        self.service.post(path, &body.to_string()).bearer_auth(who)
    }

    pub(crate) fn put(&self, who: &str, path: &str, body: &Value) -> RequestBuilder {
        let url = self.service.url(path);
        self.service.client.put(url).bearer_auth(who).header("content-type", "application/json").body(body.to_string())
    }

    fn delete(&self, who: &str, path: &str, body: &Value) -> RequestBuilder {
        let url = self.service.url(path);
        self.service
            .client
            .delete(url)
            .bearer_auth(who)
            .header("content-type", "application/json")
            .body(body.to_string())
    }
}

/// The status of an answer, its code for the client, and its body.
fn told(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let code = response.headers().get("x-error-code").map_or("", |code| code.to_str().unwrap()).to_owned();
    let text = response.text().unwrap();
    (status, code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn sent(request: RequestBuilder) -> (u16, String, Value) {
    told(request.send().unwrap())
}
