//! Who asks the service: tokens, API keys, and those who show none.

use crate::{
    idp::{Idp, Signer},
    service::{PATIENCE, Service, Setup, show},
};
use policyc::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::{fs, process::Command};

const LAB: &str = "actions infer, evaluate, assert;
allow role pep to evaluate;
allow role researcher to infer;
";

const QUESTION: &str = r#"{"subject": {"type": "user", "id": "bob", "properties": {"roles": ["researcher"]}}, "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}}"#;

/// Asks with headers, and shows the answer.
fn ask(service: &Service, headers: &[(&str, &str)]) -> String {
    let mut request = service.post("/access/v1/evaluation", QUESTION);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = show(request.send().unwrap(), &["www-authenticate", "retry-after"]);
    answer.replace(service.revision().as_str(), "sha256:…")
}

/// The status of the answer to a bearer of a token.
fn status(service: &Service, token: &str) -> u16 {
    service.post("/access/v1/evaluation", QUESTION).bearer_auth(token).send().unwrap().status().as_u16()
}

fn claims(issuer: &str, roles: &Value) -> Value {
    const NEW_YEAR_2100: i64 = 4_102_444_800;
    json!({ "iss": issuer, "aud": "policyc", "sub": "gateway", "exp": NEW_YEAR_2100, "realm_access": { "roles": roles } })
}

/// Runs `policyc serve` in the folder of a service, to its end: what it prints, and what it says.
pub(crate) fn policyc(service: &Service, args: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_policyc"))
        .arg("serve")
        .args(args)
        .current_dir(service.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_enforcement_point_shows_a_token_of_an_issuer_that_describes_itself() {
    let idp = Idp::start();
    let (old, new) = (Signer::ec(), Signer::ed());
    idp.keys(&[&old, &Signer::rsa()]);
    let service = Setup::new(LAB)
        .settings(&format!(
            "[[auth.jwt]]\nissuer = \"{}\"\naudience = [\"policyc\"]\ndiscover = true\nrefetch_seconds = 0\n\
             claims = {{ kind = {{ value = \"service\" }}, roles = \"realm_access.roles\" }}",
            idp.url
        ))
        .start();
    let point = claims(&idp.url, &json!(["pep"]));
    let (by_old, by_new) = (old.sign(&point), new.sign(&point));
    assert_eq!(status(&service, &by_old), 200);
    assert_eq!(status(&service, &by_old), 200, "as it was proved before");
    let bearer = |token: &str| ask(&service, &[("authorization", &format!("Bearer {token}"))]);
    insta::assert_snapshot!("a_token_that_may_not_evaluate", bearer(&old.sign(&claims(&idp.url, &json!([])))));
    insta::assert_snapshot!("a_token_with_a_wrong_claim", bearer(&old.sign(&claims(&idp.url, &json!("pep")))));
    insta::assert_snapshot!("a_token_of_nobody", bearer("opaque"));
    insta::assert_snapshot!("no_token_where_one_is_needed", ask(&service, &[]));
    insta::assert_snapshot!(
        "two_credentials",
        ask(&service, &[("authorization", &format!("Bearer {by_old}")), ("x-api-key", "pk_a_b")])
    );

    idp.keys(&[&new]);
    assert_eq!(status(&service, &by_new), 200, "a key that was not known is looked for");
    assert_eq!(status(&service, &by_old), 401, "what the old key proved is proved no more");
}

#[test]
fn an_outage_of_the_issuer_is_no_fault_of_the_token() {
    let idp = Idp::start();
    idp.token("opaque", json!({ "active": true, "sub": "gateway", "roles": "pep other" }));
    let service = Setup::new(LAB)
        .file("client", "hunter2")
        .settings(&format!(
            "[auth.introspection]\nendpoint = \"{}/introspect\"\nclient_id = \"policyc\"\nclient_secret = {{ file = \"client\" }}\n\
             claims.roles = {{ claim = \"roles\", split = \" \" }}",
            idp.url
        ))
        .start();
    assert_eq!(status(&service, "opaque"), 200);
    assert_eq!(status(&service, "revoked"), 401);
    idp.down(true);
    assert_eq!(status(&service, "opaque"), 200, "as it was proved before");
    assert_eq!(idp.asked("/introspect"), 2);
    insta::assert_snapshot!("an_outage", ask(&service, &[("authorization", "Bearer another")]));
}

#[test]
fn an_api_key_is_made_used_and_disabled() {
    let service =
        Setup::new(LAB).file("keys.toml", "").settings("state = \"state\"\n[auth]\nkeys = \"keys.toml\"").start();
    let (entry, said) = policyc(&service, &["--config", "serve.toml", "--new-key", "gateway"]);
    let key = said.trim().rsplit(' ').next().unwrap().to_owned();
    let file = service.folder.path().join("keys.toml");
    assert!(key.starts_with("pk_gateway_") && !entry.contains(&key));
    assert_eq!(status(&service, &key), 401, "it is not read yet");
    let becomes = |entry: &str, wanted: u16| {
        fs::write(&file, entry).unwrap();
        service.signal("HUP");
        let end = SystemClock.now() + PATIENCE;
        while status(&service, &key) != wanted {
            assert!(SystemClock.now() < end, "the keys are read again");
        }
    };
    let entry = format!("{entry}roles = [\"pep\"]\n");
    becomes(&entry, 200);
    let response = service.post("/access/v1/evaluation", QUESTION).header("x-api-key", &key).send().unwrap();
    assert_eq!(response.status(), 200);
    let mut forged = key.clone();
    forged.pop();
    insta::assert_snapshot!("an_api_key_that_is_none", ask(&service, &[("x-api-key", &forged)]));
    becomes(&format!("{entry}enabled = false\n"), 401);
    insta::assert_snapshot!("an_api_key_that_is_disabled", ask(&service, &[("x-api-key", &key)]));
}

#[test]
fn development_tokens_are_for_a_service_without_authentication() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    service.says("--dev-token");
    assert!(ask(&service, &[]).starts_with("200\n"), "who shows nothing is trusted");
    let (token, _) = policyc(&service, &["--config", "serve.toml", "--dev-token", "user alice roles=pep"]);
    assert_eq!(status(&service, token.trim()), 200);
    let (token, _) = policyc(&service, &["--state", "state", "--dev-token", "user alice roles=researcher"]);
    assert_eq!(status(&service, token.trim()), 403, "who shows something is whom it names");
    insta::assert_snapshot!("a_credential_where_none_is_set_up", ask(&service, &[("authorization", "Bearer secret")]));

    let closed =
        Setup::new(LAB).file("keys.toml", "").settings("state = \"state\"\n[auth]\nkeys = \"keys.toml\"").start();
    assert_eq!(status(&closed, token.trim()), 401);
}

#[test]
fn settings_are_checked_with_the_files_that_they_name() {
    let check = |setup: Setup| setup.args(&["--check-config"]).fails();
    let jwt = "[[auth.jwt]]\nany_audience = true\n";
    let (code, said) = check(Setup::new(LAB).file("idp.pem", "nothing").settings(&format!("{jwt}pem = \"idp.pem\"")));
    assert_eq!((code, said.contains("`auth.jwt[0].pem`: there is no public key")), (1, true), "{said}");
    let (code, said) = check(Setup::new(LAB).settings(&format!("{jwt}jwks_url = \"https://192.168.1.1/\"")));
    assert_eq!((code, said.contains("`auth.jwt[0].jwks_url`")), (1, true), "{said}");
    let (code, said) = check(Setup::new(LAB).settings("[auth]\nkeys = \"keys.toml\""));
    assert_eq!((code, said.contains("`auth.keys`")), (1, true), "{said}");
}

#[test]
fn a_secret_that_everybody_can_read_is_remarked() {
    let secret = "0123456789abcdef0123456789abcdef";
    let jwt = "[[auth.jwt]]\nany_audience = true\nsecret = { file = \"secret\" }";
    let service = Setup::new(LAB).file("secret", secret).settings(jwt).start();
    let said = service.says("warning: `auth.jwt[0].secret`: every user of this machine can read");
    assert!(!said.contains(secret));
}

/// Who is known and must prove more is told what, comes back with a token that does, and is let in.
#[test]
fn a_second_factor_is_asked_for_and_shown() {
    const POLICY: &str = "actions infer;
attribute principal.acr: text = none;
allow user \"alice\" to infer;
deny anyone to infer unless principal.acr == \"urn:mfa\" else STEP_UP 401 \"Sign in with your second factor.\";
";
    let idp = Idp::start();
    let signer = Signer::ec();
    idp.keys(&[&signer]);
    let settings = format!(
        "[[auth.jwt]]\nissuer = \"{}\"\naudience = [\"policyc\"]\ndiscover = true\nclaims = {{ attributes = {{ acr = \"acr\" }} }}\n\
         [auth.step_up.STEP_UP]\nacr_values = [\"urn:mfa\"]\nmax_age = 300\n\
         [[forward.route]]\npath = \"/v1/models/{{model}}/infer\"\nmethods = [\"POST\"]\naction = \"infer\"\nresource = \"model\"",
        idp.url
    );
    let service = Setup::new(POLICY).settings("trusted_proxies = [\"127.0.0.1/32\"]").settings(&settings).start();
    let ask = |claims: &Value| {
        let request = service.get("/authz").bearer_auth(signer.sign(claims));
        let request = request.header("x-forwarded-method", "POST").header("x-forwarded-uri", "/v1/models/m/infer");
        request.header("x-forwarded-host", "models.example").header("x-forwarded-proto", "https").send().unwrap()
    };
    let mut token = json!({ "iss": idp.url, "aud": "policyc", "sub": "alice", "exp": 4_102_444_800_i64 });
    let refused = ask(&token);
    assert_eq!(refused.status(), 401);
    assert_eq!(
        refused.headers()["www-authenticate"],
        "Bearer error=\"insufficient_user_authentication\", error_description=\"Sign in with your second factor.\", \
         acr_values=\"urn:mfa\", max_age=\"300\""
    );
    token["acr"] = json!("urn:mfa");
    assert_eq!(ask(&token).status(), 200);
}
