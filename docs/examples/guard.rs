//! Handlers that a policy guards: `require_permission` asks before a handler runs, and hands it who asks. The policy is not in
//! the handlers, and no request reaches one that it does not allow.
//!
//! `cargo run --example guard` serves them on 127.0.0.1:8000.

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use policyc::{
    Engine,
    request::{Principal, Resource},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{error::Error, net::Ipv4Addr, sync::Arc};
use tokio::net::TcpListener;

/// Who may do what. It could as well be a folder: `Engine::load(["policies"])`.
const POLICY: &str = r#"
    actions "model:read", "model:edit";
    role guest;
    role developer includes guest;
    allow role guest to "model:read" on any model;
    allow role developer to "model:edit" on any model;
    deny anyone to "model:edit" on "ff-frozen" else FROZEN 403 "{model.id} is not edited any more.";
"#;

/// What every guard needs.
struct Studio {
    engine: Engine,
    /// What sessions are signed with.
    key: DecodingKey,
}

/// What the login has put into a session.
#[derive(Deserialize)]
struct Session {
    sub: String,
    role: String,
}

/// Who asks, as the guard hands it to a handler.
#[derive(Clone)]
struct CurrentUser {
    name: String,
    role: String,
}

fn app(secret: &[u8]) -> Result<Router, policyc::LoadError> {
    let engine = Engine::builder().text("studio.policy", POLICY).load()?;
    let studio = Arc::new(Studio { engine, key: DecodingKey::from_secret(secret) });
    let require_permission = |action: &'static str| from_fn_with_state((studio.clone(), action), guard);
    Ok(Router::new()
        .route("/api/v1/models/{model}", get(card).layer(require_permission("model:read")))
        .route("/api/v1/models/{model}/fuse", post(fuse).layer(require_permission("model:edit"))))
}

/// Lets a request through to its handler if the policy allows its action on the model in its path.
async fn guard(
    State((studio, action)): State<(Arc<Studio>, &'static str)>,
    Path(model): Path<String>,
    mut request: Request,
    next: Next,
) -> Response {
    let user = match studio.user(request.headers()) {
        Ok(user) => user,
        Err(message) => return refusal(StatusCode::UNAUTHORIZED, message),
    };
    let principal = Principal::user(&user.name).roles([user.role.as_str()]);
    let decision = studio.engine.decide(&policyc::request::Request::new(principal, action, Resource::model(&model)));
    if let Some(denial) = decision.denial() {
        let status = StatusCode::from_u16(denial.status).unwrap_or(StatusCode::FORBIDDEN);
        let own = denial.message.as_deref().filter(|_| &*denial.code != "NO_RULE");
        return refusal(status, own.unwrap_or("Insufficient permissions"));
    }
    request.extensions_mut().insert(user);
    next.run(request).await
}

impl Studio {
    /// Whose session a request shows, with or without `Bearer`.
    fn user(&self, headers: &HeaderMap) -> Result<CurrentUser, &'static str> {
        let shown = headers.get(AUTHORIZATION).ok_or("Missing authorization token")?;
        let token = shown.to_str().map_err(|_| "Invalid token")?;
        let token = token.strip_prefix("Bearer ").unwrap_or(token);
        match decode::<Session>(token, &self.key, &Validation::new(Algorithm::HS256)) {
            Ok(session) => Ok(CurrentUser { name: session.claims.sub, role: session.claims.role }),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err("Token expired"),
            Err(_) => Err("Invalid token"),
        }
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

async fn card(Path(model): Path<String>) -> Json<Value> {
    Json(json!({ "model": model }))
}

async fn fuse(Path(model): Path<String>, Extension(user): Extension<CurrentUser>) -> Json<Value> {
    Json(json!({ "fused": model, "by": user.name, "role": user.role }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = std::env::var("STUDIO_SECRET")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 8000)).await?;
    Ok(axum::serve(listener, app(secret.as_bytes())?).await?)
}

#[cfg(test)]
mod tests {
    use super::{AUTHORIZATION, Value, app, json};
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use tower::ServiceExt;

    const SECRET: &[u8] = b"the studio keeps this to itself, of course";

    fn session(role: &str, exp: u64) -> String {
        let claims = json!({ "sub": "ivy", "role": role, "exp": exp });
        encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    async fn ask(method: &str, path: &str, authorization: Option<&str>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = authorization.into_iter().fold(request, |request, shown| request.header(AUTHORIZATION, shown));
        let response = app(SECRET).unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    const FUSE: &str = "/api/v1/models/ff-pro/fuse";
    const NEW_YEAR_2100: u64 = 4_102_444_800;

    #[tokio::test]
    async fn a_handler_is_guarded_and_told_who_asks() {
        let error = |message: &str| json!({ "error": message });
        let developer = session("developer", NEW_YEAR_2100);
        let fused = json!({ "fused": "ff-pro", "by": "ivy", "role": "developer" });
        assert_eq!(ask("POST", FUSE, Some(&developer)).await, (200, fused.clone()));
        assert_eq!(ask("POST", FUSE, Some(&format!("Bearer {developer}"))).await, (200, fused));

        assert_eq!(ask("POST", FUSE, None).await, (401, error("Missing authorization token")));
        let old = session("developer", 946_684_800);
        assert_eq!(ask("POST", FUSE, Some(&old)).await, (401, error("Token expired")));
        assert_eq!(ask("POST", FUSE, Some("nonsense")).await, (401, error("Invalid token")));
        let guest = session("guest", NEW_YEAR_2100);
        assert_eq!(ask("POST", FUSE, Some(&guest)).await, (403, error("Insufficient permissions")));
        assert_eq!(ask("GET", "/api/v1/models/ff-pro", Some(&guest)).await.0, 200);
        let frozen = ask("POST", "/api/v1/models/ff-frozen/fuse", Some(&developer)).await;
        assert_eq!(frozen, (403, error("ff-frozen is not edited any more.")));
    }
}
