//! Who is proved to ask, and who is not, by a clock that stands still until it is told to move.

#[path = "../../../tests/serve/idp.rs"]
mod idp;

use super::{All, Caller, Identity, Origin, Unauthenticated};
use crate::{clock::ManualClock, request::Principal, server::outbound::Outbound};
use ::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use idp::{Idp, Signer};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;

/// The instant at which each test begins.
const NOW: i64 = 1_800_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A service's part that tells who asks.
struct Given {
    identity: Identity,
    clock: Arc<ManualClock>,
    folder: TempDir,
}

fn settings(toml: &str, folder: &Path) -> Result<All, String> {
    let mut all: All = toml::from_str(toml).map_err(|error| error.message().to_owned())?;
    all.state = folder.join("state");
    all.auth.paths(|path| folder.join(path));
    all.check(&crate::store::Stores::default()).map_err(|faulty| faulty.to_string())?;
    Ok(all)
}

/// A folder with keys in it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let set = json!({ "keys": [Signer::rsa().public(), Signer::ec().public(), Signer::ed().public()] });
    for (name, text) in [
        ("secret", SECRET),
        ("client", "hunter2"),
        ("rsa.pem", include_str!("../../../tests/serve/keys/rsa.pub.pem")),
        ("ec.pem", include_str!("../../../tests/serve/keys/ec.pub.pem")),
        ("ed.pem", include_str!("../../../tests/serve/keys/ed.pub.pem")),
        ("p384.pem", include_str!("../../../tests/serve/keys/p384.pub.pem")),
        ("private.pem", include_str!("../../../tests/serve/keys/rsa.pem")),
        ("set.json", &set.to_string()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

async fn given(toml: &str) -> Given {
    let folder = folder();
    let all = settings(toml, folder.path()).unwrap();
    let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(NOW, 0).unwrap()));
    let outbound = Outbound::new(&all.outbound).unwrap();
    let identity = Identity::open(&all, &outbound, clock.clone(), Arc::new(|_| Ok(None))).await.unwrap();
    Given { identity, clock, folder }
}

impl Given {
    async fn caller(&self, token: &str) -> Result<Caller, Unauthenticated> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        self.identity.caller(&headers, origin()).await
    }

    /// Who a token proves to ask.
    async fn who(&self, token: &str) -> Principal {
        self.caller(token).await.unwrap().principal
    }

    /// With which status and words a token is refused.
    async fn refusal(&self, token: &str) -> (u16, String) {
        let refusal = self.caller(token).await.unwrap_err();
        (refusal.status().as_u16(), refusal.message)
    }

    async fn refused(&self, token: &str, words: &str) {
        let (status, message) = self.refusal(token).await;
        assert!(status == 401 && message.contains(words), "{status} {message}, not {words}");
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn origin() -> Origin {
    Origin::of(&HeaderMap::new(), "10.1.2.3:1".parse().unwrap(), &[])
}

/// Claims that hold, with others instead.
fn claims(others: Value) -> Value {
    let mut claims = json!({ "iss": "lab", "aud": "policyc", "sub": "alice", "exp": NOW + 3_600 });
    let Value::Object(others) = others else { panic!("claims are an object") };
    claims.as_object_mut().unwrap().extend(others);
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn hs256(claims: &Value, secret: &[u8]) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// A token with a header as it is written here.
fn handmade(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// An issuer whose keys are in a file.
const LAB: &str = "[[auth.jwt]]\nissuer = \"lab\"\naudience = [\"policyc\", \"pdp\"]\njwks = \"set.json\"\n";

#[tokio::test]
async fn tokens_of_all_four_algorithms_hold() {
    let all = given(LAB).await;
    let alone = |key: &str| format!("[[auth.jwt]]\nany_audience = true\n{key}\n");
    for (signer, file) in [(Signer::rsa(), "rsa.pem"), (Signer::ec(), "ec.pem"), (Signer::ed(), "ed.pem")] {
        let token = signer.sign(&claims(json!({})));
        let caller = all.caller(&token).await.unwrap();
        assert_eq!(caller.principal, Principal::user("alice"), "{file}");
        assert!(!caller.is_trusted);
        let one = given(&alone(&format!("pem = \"{file}\""))).await;
        assert_eq!(one.who(&token).await, Principal::user("alice"), "{file}");
    }
    let secret = given(&alone("secret = { file = \"secret\" }")).await;
    assert_eq!(secret.who(&hs256(&claims(json!({})), SECRET.as_bytes())).await, Principal::user("alice"));
    secret.refused(&hs256(&claims(json!({})), b"another secret"), "signature does not hold").await;
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused() {
    let lab = given(LAB).await;
    let signer = Signer::ed();
    for (others, words) in [
        (json!({ "exp": null }), "`exp` is missing"),
        (json!({ "exp": "tomorrow" }), "`exp` must be a number of seconds"),
        (json!({ "exp": 1e300 }), "`exp` must be a number of seconds"),
        (json!({ "exp": NOW - 30 }), "has expired"),
        (json!({ "nbf": NOW + 31 }), "not valid yet"),
        (json!({ "nbf": true }), "`nbf` must be a number of seconds"),
        (json!({ "aud": "somebody" }), "meant for somebody else"),
        (json!({ "aud": ["somebody", 7] }), "meant for somebody else"),
        (json!({ "aud": null }), "meant for somebody else"),
        (json!({ "iss": "elsewhere" }), "issuer that is not known"),
        (json!({ "iss": null }), "issuer that is not known"),
        (json!({ "iss": ["lab"] }), "issuer that is not known"),
        (json!({ "sub": null }), "the claim `sub` is missing"),
        (json!({ "sub": 7 }), "the claim `sub` must be a text"),
    ] {
        lab.refused(&signer.sign(&claims(others)), words).await;
    }
    for others in [
        json!({ "exp": NOW - 29 }),
        json!({ "exp": (NOW as f64) + 0.5 }),
        json!({ "nbf": NOW + 30 }),
        json!({ "aud": ["somebody", "pdp"] }),
    ] {
        assert_eq!(lab.who(&signer.sign(&claims(others))).await, Principal::user("alice"));
    }
}

#[tokio::test]
async fn signatures_that_do_not_hold_are_refused() {
    let lab = given(LAB).await;
    let good = claims(json!({}));
    let token = Signer::ec().sign(&good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(claims(json!({ "sub": "root" })).to_string());
    lab.refused(&format!("{header}.{other}.{signature}"), "signature does not hold").await;
    lab.refused(&format!("{message}."), "signature does not hold").await;
    lab.refused(&format!("{message}.{signature}AA"), "signature does not hold").await;
    lab.refused(
        &handmade(&json!({ "alg": "ES256", "kid": "rsa" }), &good, signature),
        "algorithm is not that of its key",
    )
    .await;
    lab.refused(&handmade(&json!({ "alg": "ES256", "kid": "none" }), &good, signature), "key that is not known").await;
    for alg in ["none", "HS512", "ES384", "PS256"] {
        lab.refused(&handmade(&json!({ "alg": alg }), &good, ""), "algorithm is not taken").await;
    }
    for text in ["eyJ.a.b", "eyJhbGciOiJFUzI1NiJ9.e30", "x", "a.b.c"] {
        lab.refused(text, "malformed").await;
    }
    lab.refused(&"x".repeat(16 * 1024 + 1), "larger than 16384 bytes").await;
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let public = fs::read_to_string("tests/serve/keys/rsa.pub.pem").unwrap();
    let pem = given("[[auth.jwt]]\nany_audience = true\npem = \"rsa.pem\"\n").await;
    for secret in [public.as_str(), public.trim_end()] {
        pem.refused(&hs256(&claims(json!({})), secret.as_bytes()), "algorithm is not that of its key").await;
    }
    let modulus = Signer::rsa().public()["n"].as_str().unwrap().to_owned();
    let set = given(LAB).await;
    set.refused(&hs256(&claims(json!({})), modulus.as_bytes()), "algorithm is not that of its key").await;
}

#[tokio::test]
async fn where_a_token_says_a_key_is_nobody_looks() {
    let lab = given(LAB).await;
    let idp = Idp::start();
    let ed = Signer::ed();
    idp.keys(&[&ed]);
    let place = format!("{}/jwks", idp.url);
    let header = json!({ "alg": "EdDSA", "kid": "theirs", "jku": place, "x5u": place, "jwk": ed.public() });
    let signed = ed.sign(&claims(json!({})));
    let signature = signed.rsplit('.').next().unwrap();
    lab.refused(&handmade(&header, &claims(json!({})), signature), "key that is not known").await;
    assert_eq!(idp.asked("/jwks"), 0);
}

#[tokio::test]
async fn several_issuers_have_each_its_own_keys() {
    let both = given(&format!("{LAB}[[auth.jwt]]\nissuer = \"hq\"\nany_audience = true\nsecret = {{ file = \"secret\" }}\nclaims.kind = {{ value = \"service\" }}\n")).await;
    let of_hq = claims(json!({ "iss": "hq" }));
    assert_eq!(both.who(&hs256(&of_hq, SECRET.as_bytes())).await, Principal::service("alice"));
    both.refused(&Signer::ec().sign(&of_hq), "algorithm is not that of its key").await;
    both.refused(&hs256(&claims(json!({})), SECRET.as_bytes()), "algorithm is not that of its key").await;
}

/// An issuer whose keys are fetched.
fn remote(idp: &Idp, more: &str) -> String {
    format!("[[auth.jwt]]\nissuer = \"lab\"\naudience = [\"policyc\"]\njwks_url = \"{}/jwks\"\n{more}\n", idp.url)
}

#[tokio::test]
async fn keys_rotate_and_what_was_proved_by_the_old_ones_is_proved_no_more() {
    let idp = Idp::start();
    let (old, new) = (Signer::ec(), Signer::ed());
    idp.keys(&[&old]);
    let lab = given(&remote(&idp, "")).await;
    let (by_old, by_new) = (old.sign(&claims(json!({}))), new.sign(&claims(json!({ "sub": "bob" }))));
    assert_eq!(lab.who(&by_old).await, Principal::user("alice"));
    idp.keys(&[&new]);
    lab.refused(&by_new, "key that is not known").await;
    assert_eq!(idp.asked("/jwks"), 1, "it was asked just now");
    lab.later(30);
    assert_eq!(lab.who(&by_new).await, Principal::user("bob"));
    assert_eq!(idp.asked("/jwks"), 2);
    lab.refused(&by_old, "key that is not known").await;
    lab.refused(&handmade(&json!({ "alg": "ES256", "kid": "x" }), &claims(json!({})), ""), "key that is not known")
        .await;
    assert_eq!(idp.asked("/jwks"), 2, "unknown keys are looked for only so often");
}

#[tokio::test]
async fn a_key_that_is_withdrawn_proves_nothing_after_the_next_fetch() {
    let idp = Idp::start();
    let (one, other) = (Signer::ec(), Signer::ed());
    idp.keys(&[&one, &other]);
    let lab = given(&remote(&idp, "refresh_seconds = 60")).await;
    let token = one.sign(&claims(json!({})));
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
    idp.keys(&[&other]);
    lab.later(59);
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
    lab.later(1);
    lab.refused(&token, "key that is not known").await;
}

#[tokio::test]
async fn keys_are_used_for_a_while_when_their_place_is_out_of_reach() {
    let idp = Idp::start();
    let signer = Signer::rsa();
    idp.keys(&[&signer]);
    let lab = given(&remote(&idp, "stale_seconds = 600")).await;
    idp.down(true);
    let token = signer.sign(&claims(json!({})));
    lab.later(599);
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
    lab.later(1);
    let (status, message) = lab.refusal(&token).await;
    assert!(status == 503 && message.contains("out of reach"), "{status} {message}");
    idp.down(false);
    lab.later(30);
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
}

#[tokio::test]
async fn an_issuer_that_is_out_of_reach_at_the_start_may_come_back() {
    let idp = Idp::start();
    idp.down(true);
    let lab = given(&remote(&idp, "")).await;
    assert!(
        lab.identity
            .remarks()
            .iter()
            .any(|remark| remark.contains("`auth.jwt[0]`: the issuer's keys cannot be fetched"))
    );
    let token = Signer::ec().sign(&claims(json!({})));
    assert_eq!(lab.refusal(&token).await.0, 503);
    idp.down(false);
    idp.keys(&[&Signer::ec()]);
    lab.later(30);
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
}

#[tokio::test]
async fn an_issuer_says_itself_where_its_keys_are() {
    let idp = Idp::start();
    idp.keys(&[&Signer::ec()]);
    let toml =
        |issuer: &str| format!("[[auth.jwt]]\nissuer = \"{issuer}\"\naudience = [\"policyc\"]\ndiscover = true\n");
    let token = Signer::ec().sign(&claims(json!({ "iss": idp.url })));
    assert_eq!(given(&toml(&idp.url)).await.who(&token).await, Principal::user("alice"));
    let slash = format!("{}/", idp.url);
    let other = given(&toml(&slash)).await;
    let token = Signer::ec().sign(&claims(json!({ "iss": slash })));
    assert_eq!(other.refusal(&token).await.0, 503, "the description is of another issuer");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let idp = Idp::start();
    idp.keys(&[&Signer::ec()]);
    let toml = remote(&idp, "").replace("/jwks", "/moved");
    assert_eq!(given(&toml).await.refusal(&Signer::ec().sign(&claims(json!({})))).await.0, 503);
    assert_eq!((idp.asked("/moved"), idp.asked("/jwks")), (1, 0));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_none() {
    let idp = Idp::start();
    idp.keys(&[&Signer::ec()]);
    let token = Signer::ec().sign(&claims(json!({})));
    let lab = given(&format!("{}[outbound]\nbody_bytes = 10\n", remote(&idp, ""))).await;
    assert_eq!(lab.refusal(&token).await.0, 503);
}

#[tokio::test]
async fn a_token_that_was_proved_is_believed_until_it_ends_and_for_five_minutes() {
    let idp = Idp::start();
    let toml = format!(
        "[auth.introspection]\nendpoint = \"{}/introspect\"\nclient_id = \"policyc\"\nclient_secret = {{ file = \"client\" }}\naudience = [\"policyc\"]\n",
        idp.url
    );
    let lab = given(&toml).await;
    lab.refused("opaque", "is not active").await;
    let about = |others: Value| {
        let mut about = claims(others);
        about["active"] = true.into();
        about
    };
    idp.token("opaque", about(json!({ "exp": null })));
    assert_eq!(lab.who("opaque").await, Principal::user("alice"));
    idp.token("opaque", json!({ "active": false }));
    lab.later(299);
    assert_eq!(lab.who("opaque").await, Principal::user("alice"), "it was proved lately");
    lab.later(1);
    lab.refused("opaque", "is not active").await;

    idp.token("short", about(json!({ "exp": NOW + 310 })));
    assert_eq!(lab.who("short").await, Principal::user("alice"));
    lab.later(10);
    lab.refused("short", "has expired").await;

    for (others, words) in [
        (json!({ "aud": "somebody" }), "meant for somebody else"),
        (json!({ "sub": 7 }), "must be a text"),
        (json!({ "nbf": NOW + 3_000 }), "not valid yet"),
    ] {
        idp.token("other", about(others));
        lab.refused("other", words).await;
    }
    idp.token("other", json!({ "active": "yes" }));
    assert_eq!(lab.refusal("other").await.0, 503, "an answer that nobody understands");
    idp.down(true);
    let refusal = lab.caller("another").await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.headers().contains_key("retry-after")), (503, true));
}

#[tokio::test]
async fn only_tokens_that_are_no_jwt_are_asked_about_where_there_are_issuers() {
    let idp = Idp::start();
    let toml = format!(
        "{LAB}[auth.introspection]\nendpoint = \"{}/introspect\"\nclient_id = \"policyc\"\nclient_secret = {{ file = \"client\" }}\n",
        idp.url
    );
    let lab = given(&toml).await;
    lab.refused(&hs256(&claims(json!({})), SECRET.as_bytes()), "algorithm is not that").await;
    assert_eq!(idp.asked("/introspect"), 0);
    lab.refused("opaque", "is not active").await;
    assert_eq!(idp.asked("/introspect"), 1);
}

#[tokio::test]
async fn a_reload_forgets_what_was_proved() {
    let lab = given(LAB).await;
    let token = Signer::ec().sign(&claims(json!({})));
    assert_eq!(lab.who(&token).await, Principal::user("alice"));
    let file = lab.folder.path().join("set.json");
    fs::write(&file, "{").unwrap();
    lab.identity.reload();
    assert_eq!(lab.who(&token).await, Principal::user("alice"), "what cannot be used changes nothing");
    fs::write(&file, json!({ "keys": [Signer::rsa().public()] }).to_string()).unwrap();
    lab.identity.reload();
    lab.refused(&token, "key that is not known").await;
}

#[tokio::test]
async fn api_keys_are_read_again() {
    let folder = folder();
    fs::write(folder.path().join("keys.toml"), "").unwrap();
    let all = settings("[auth]\nkeys = \"keys.toml\"\n", folder.path()).unwrap();
    let outbound = Outbound::new(&all.outbound).unwrap();
    let clock = Arc::new(ManualClock::new(DateTime::<Utc>::UNIX_EPOCH));
    let identity = Identity::open(&all, &outbound, clock.clone(), Arc::new(|_| Ok(None))).await.unwrap();
    let lab = Given { identity, clock, folder };
    let (key, entry) = super::new_key(&all, "ci").unwrap();
    lab.refused(&key, "the API key is not known").await;
    fs::write(lab.folder.path().join("keys.toml"), &entry).unwrap();
    lab.identity.reload();
    assert_eq!(lab.who(&key).await, Principal::key("ci"));
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", key.parse().unwrap());
    assert_eq!(lab.identity.caller(&headers, origin()).await.unwrap().principal, Principal::key("ci"));
    fs::write(lab.folder.path().join("keys.toml"), format!("{entry}enabled = false")).unwrap();
    lab.identity.reload();
    lab.refused(&key, "is disabled").await;
    lab.refused("opaque", "takes no tokens but API keys").await;
    let nobody = lab.identity.caller(&HeaderMap::new(), origin()).await.unwrap();
    assert_eq!((nobody.principal, nobody.is_trusted), (Principal::anonymous(), false));
}

#[test]
fn settings_that_cannot_be_are_named() {
    let folder = folder();
    fs::write(folder.path().join("short"), "too short").unwrap();
    let wrong = |toml: &str| settings(toml, folder.path()).unwrap_err();
    let jwt = |more: &str| wrong(&format!("[[auth.jwt]]\n{more}\n"));
    for (more, words) in [
        ("any_audience = true", "`auth.jwt[0]` needs one of `secret`, `pem`, `jwks`, `jwks_url` and `discover`"),
        ("any_audience = true\npem = \"ec.pem\"\ndiscover = true", "needs one of"),
        ("pem = \"ec.pem\"", "needs `audience`"),
        ("pem = \"ec.pem\"\nany_audience = true\naudience = [\"a\"]", "needs `audience`"),
        ("any_audience = true\ndiscover = true", "`auth.jwt[0].discover` needs `issuer`"),
        (
            "any_audience = true\njwks_url = \"http://idp.example.com/\"",
            "`auth.jwt[0].jwks_url`: `http://idp.example.com/` must begin with",
        ),
        ("any_audience = true\njwks_url = \"https://10.0.0.1/\"", "`outbound.allow`"),
        ("any_audience = true\nissuer = \"lab\"\ndiscover = true", "`auth.jwt[0].issuer`: `lab` is no address"),
        (
            "any_audience = true\npem = \"ec.pem\"\nleeway_seconds = 601",
            "`auth.jwt[0].leeway_seconds` can be at most 600",
        ),
        ("any_audience = true\npem = \"ec.pem\"\nstale_seconds = 1", "`auth.jwt[0].stale_seconds` must be between"),
        ("any_audience = true\npem = \"ec.pem\"\nclaims.org = \"\"", "`auth.jwt[0].claims`: `org` has a path"),
        ("any_audience = true\npem = \"gone.pem\"", "`auth.jwt[0].pem`: cannot read"),
        ("any_audience = true\npem = \"secret\"", "`auth.jwt[0].pem`: there is no public key"),
        ("any_audience = true\npem = \"p384.pem\"", "another curve than P-256"),
        ("any_audience = true\npem = \"private.pem\"", "the file has a private key"),
        ("any_audience = true\njwks = \"secret\"", "`auth.jwt[0].jwks`: the key set is no JSON"),
        (
            "any_audience = true\nsecret = { file = \"short\" }",
            "`auth.jwt[0].secret`: the secret has 9 bytes, and needs at least 32",
        ),
        (
            "any_audience = true\nsecret = { env = \"POLICYC_NOT_SET\" }",
            "the environment has no text `POLICYC_NOT_SET`",
        ),
        ("any_audience = true\nsecret = \"hunter2\"", "unknown variant"),
    ] {
        let message = jwt(more);
        assert!(message.contains(words) && !message.contains("too short"), "{more}: {message}");
    }
    let twice = format!("{LAB}{LAB}");
    assert_eq!(wrong(&twice), "`auth.jwt[1].issuer` is there twice");
    assert!(
        wrong(&format!("{LAB}[[auth.jwt]]\nany_audience = true\npem = \"ec.pem\"\n"))
            .contains("`auth.jwt[1]` needs `issuer`")
    );
    assert!(wrong("[auth]\nkeys = \"gone.toml\"").starts_with("`auth.keys`: "));
    assert!(wrong("[auth]\nkey_secret = { file = \"secret\" }").contains("`auth.key_secret` is for `auth.keys`"));
    assert!(wrong("[auth]\ncache_seconds = 301").contains("`auth.cache_seconds` can be at most 300"));
    assert!(wrong("[auth]\ntokens = 1").contains("unknown field `tokens`"));
    assert!(wrong("[outbound]\nseconds = 0").contains("`outbound.seconds` must be more than 0"));
    let introspection = "[auth.introspection]\nclient_id = \"a\"\nclient_secret = { file = \"client\" }\nendpoint = ";
    assert!(
        wrong(&format!("{introspection}\"http://idp.example.com\"")).starts_with("`auth.introspection.endpoint`: ")
    );
}
