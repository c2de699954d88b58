//! The studio's own conventions: sessions of HS256 that carry a role, its paths, its bodies of errors, word by word.

use crate::service::{Service, Setup};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const SECRET: &str = "the studio keeps this to itself, of course";

const NEW_YEAR_2000: i64 = 946_684_800;
const NEW_YEAR_2100: i64 = 4_102_444_800;

/// What the login of the studio puts into a session.
fn session(role: &str) -> Value {
    json!({ "sub": "ivy@alpha.example", "org": "alpha", "role": role, "mfa": true, "exp": NEW_YEAR_2100 })
}

fn token(claims: &Value, secret: &str) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// The shipped policies, and how the studio speaks.
fn studio() -> Service {
    let settings = r#"trusted_proxies = ["127.0.0.1/32"]
[forward]
errors = "plain"
attributes = { scheme = "X-Forwarded-Proto", risk = "X-Risk", usage_ratio = "X-Usage-Ratio" }
[[forward.route]]
path = "/api/v1/models/{model}/fuse"
methods = ["POST"]
action = "model:edit"
resource = "model"
[[forward.route]]
path = "/api/v1/models/{model}"
methods = ["GET"]
action = "model:read"
resource = "model"
[[auth.jwt]]
any_audience = true
secret = { file = "secret" }
claims = { org = "org", roles = { claim = "role", split = " " }, attributes = { two_factor = "mfa" } }"#;
    Setup::shipped("studio-rbac").file("secret", SECRET).settings(settings).start()
}

/// What is answered to a request by a path: the status and the body.
fn ask(service: &Service, method: &str, path: &str, authorization: Option<&str>) -> (u16, String) {
    ask_by(service, "https", method, path, authorization)
}

fn ask_by(service: &Service, scheme: &str, method: &str, path: &str, authorization: Option<&str>) -> (u16, String) {
    let mut request = service.get("/authz").header("x-forwarded-method", method).header("x-forwarded-uri", path);
    request = request.header("x-forwarded-proto", scheme).header("x-risk", "7").header("x-usage-ratio", "1");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

const FUSE: &str = "/api/v1/models/ff-2024-lite/fuse";
const CARD: &str = "/api/v1/models/ff-2024-lite";

fn told(status: u16, error: &str) -> (u16, String) {
    (status, json!({ "error": error }).to_string())
}

#[test]
fn errors_are_in_the_words_of_the_studio() {
    let service = studio();
    assert_eq!(ask(&service, "POST", FUSE, None), told(401, "Missing authorization token"));
    let mut old = session("developer");
    old["exp"] = NEW_YEAR_2000.into();
    let guest = token(&session("guest"), SECRET);
    for bearer in ["", "Bearer "] {
        let with = |token: &str| ask(&service, "POST", FUSE, Some(&format!("{bearer}{token}")));
        assert_eq!(with(&token(&old, SECRET)), told(401, "Token expired"));
        assert_eq!(with("nonsense"), told(401, "Invalid token"));
        assert_eq!(with(&token(&session("admin"), &SECRET.replace("the", "thy"))), told(401, "Invalid token"));
        assert_eq!(with(&guest), told(403, "Insufficient permissions"));
        assert_eq!(with(&token(&session("developer"), SECRET)).0, 200);
    }
    assert_eq!(ask(&service, "GET", CARD, Some(&guest)).0, 200);
}

#[test]
fn a_session_says_the_role_and_only_one_that_the_studio_signed() {
    let service = studio();
    let fuse = |token: &str| ask(&service, "POST", FUSE, Some(token)).0;
    let by_role = ["guest", "tester", "developer", "admin", "owner", "guest developer"];
    assert_eq!(by_role.map(|role| fuse(&token(&session(role), SECRET))), [403, 403, 200, 200, 403, 200]);
    let [_, claims, _] =
        <[String; 3]>::try_from(token(&session("admin"), SECRET).split('.').map(str::to_owned).collect::<Vec<_>>())
            .unwrap();
    // {"alg":"none"}
    assert_eq!(fuse(&format!("eyJhbGciOiJub25lIn0.{claims}.")), 401);
    let other = Header::new(Algorithm::HS512);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    assert_eq!(fuse(&encode(&other, &session("admin"), &key).unwrap()), 401);
    let mut endless = session("admin");
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(fuse(&token(&endless, SECRET)), 401);
}

#[test]
fn no_path_is_open_by_being_known() {
    let service = studio();
    let admin = token(&session("admin"), SECRET);
    for path in ["/api/v1/models/ff-2024-lite/weights", "/api/v1/users", "/", "/infer/"] {
        for authorization in [None, Some(&*admin)] {
            let status = ask(&service, "POST", path, authorization).0;
            assert_eq!(status, 403, "{path}: no route, no decision");
        }
    }
    assert_eq!(ask(&service, "DELETE", FUSE, Some(&admin)).0, 403, "by no other method");
    assert_eq!(ask(&service, "POST", "/api/v1/models/bg-swap/fuse", Some(&admin)).0, 404, "another organisation's");
}

#[test]
fn https_is_enforced() {
    let service = studio();
    let developer = token(&session("developer"), SECRET);
    let fuse = |scheme: &str| ask_by(&service, scheme, "POST", FUSE, Some(&developer));
    assert_eq!(fuse("https").0, 200);
    assert_eq!(fuse("http"), told(403, "This service answers over https only."));
    assert_eq!(fuse("").0, 403, "where nobody tells");
    let beyond = "listen = \"0.0.0.0:0\"\n[[auth.jwt]]\nany_audience = true\nsecret = { file = \"secret\" }";
    let (code, said) = Setup::shipped("studio-rbac").file("secret", SECRET).settings(beyond).fails();
    assert!(code == 1 && said.contains("needs `[tls]`"), "{said}");
}

#[test]
fn a_denial_says_that_asking_again_is_no_use() {
    let service = Setup::new(super::POLICY).settings(&super::settings()).start();
    let ask = |model: &str| {
        let asked = service.get("/authz").header("x-forwarded-method", "POST");
        let answer = asked.header("x-forwarded-uri", format!("/v1/models/{model}/infer")).send().unwrap();
        let header = answer.headers().get("x-should-retry").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), header)
    };
    let never = || Some("false".to_owned());
    assert_eq!(ask("secret"), (403, never()));
    assert_eq!(ask("members"), (401, never()));
    assert_eq!(ask("scarce"), (200, None));
    assert_eq!(ask("scarce"), (429, never()), "not within the hour");
    let soon = "actions infer;\nallow anyone to infer;\nlimit anyone to infer at most 1 per minute;\n";
    let service = Setup::new(soon).settings(&super::settings()).start();
    let ask = || {
        let asked = service.get("/authz").header("x-forwarded-method", "POST");
        asked.header("x-forwarded-uri", "/v1/models/m/infer").send().unwrap()
    };
    assert_eq!(ask().status(), 200);
    let limited = ask();
    assert!(limited.status() == 429 && limited.headers().contains_key("retry-after"));
    assert!(!limited.headers().contains_key("x-should-retry"), "a minute is worth waiting for");
}
