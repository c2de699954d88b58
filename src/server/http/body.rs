//! Bodies of requests: read whole, within a limit and in time.

use super::Limits;
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body is not taken, and with which status that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadBody {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl BadBody {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// It is larger, slower than the limits allow, or cut off.
pub(crate) async fn read_body(body: Body, most: usize, limits: &Limits) -> Result<Bytes, BadBody> {
    let read = tokio::time::timeout(limits.body_time(), Limited::new(body, most).collect()).await;
    match read {
        Err(_) => Err(BadBody::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(BadBody::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes")))
        }
        Ok(Err(_)) => Err(BadBody::new(StatusCode::BAD_REQUEST, "the body was cut off")),
    }
}

/// Reads the body of a request that must be JSON, as text. Whether it is JSON is the reader's to say.
///
/// # Errors
/// As [`read_body`]; or its type is another (400, as AuthZEN wants it), or it is not UTF-8.
pub(crate) async fn json_body(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<String, BadBody> {
    if !is_json(headers) {
        let message = "the body must be JSON, with `Content-Type: application/json`";
        return Err(BadBody::new(StatusCode::BAD_REQUEST, message));
    }
    let bytes = read_body(body, limits.body_bytes, limits).await?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        BadBody::new(StatusCode::BAD_REQUEST, format!("the body is not UTF-8 at byte {place}"))
    })
}

/// Whether a request says that its body is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}
