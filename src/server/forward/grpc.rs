//! Envoy's `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! The client's credential stands among the headers of its request, and says who asks, as over HTTP. Envoy itself is known by
//! its address: it must be a trusted proxy. Then its word on where the client is (`source.address`) is taken too.

use super::{
    answer::{Answer, Refused},
    ask,
    original::{self, Asked, Body},
};
use crate::server::{app::App, identity::Origin};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use envoy_types::{
    ext_authz::v3::pb::{
        Address, Authorization, AuthorizationServer, CheckRequest, CheckResponse, DeniedHttpResponse,
        HeaderAppendAction, HeaderValue as Pair, HeaderValueOption, HttpResponse, HttpStatus, OkHttpResponse,
    },
    pb::{
        envoy::service::auth::v3::{AttributeContext, attribute_context::HttpRequest},
        google::{
            protobuf::{Struct, Value, value::Kind},
            rpc,
        },
    },
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tonic::{Code, Request, Response, Status};

/// Where Envoy asks.
pub(super) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

pub(super) fn service(app: Arc<App>) -> AuthorizationServer<Check> {
    // A message has the headers in it, too, and a little around all.
    let limits = &app.settings.http;
    let most = limits.body_bytes.saturating_mul(2).saturating_add(limits.header_bytes);
    AuthorizationServer::new(Check { app }).max_decoding_message_size(most)
}

/// Answers Envoy.
pub(super) struct Check {
    app: Arc<App>,
}

#[tonic::async_trait]
impl Authorization for Check {
    /// A denial is an answer, never an error: an error Envoy may be told to let through.
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let Some(origin) = request.extensions().get::<Origin>().cloned() else {
            return Err(Status::internal("the request came from nowhere"));
        };
        let answer = match read(request.into_inner(), self.app.settings.http.body_bytes) {
            Ok((asked, headers, source)) => {
                let origin = match source {
                    Some(source) if origin.is_proxied => self.client(&headers, origin, source),
                    Some(_) | None => origin,
                };
                ask(&self.app, &headers, origin, &asked).await
            }
            Err(refused) => refused.into(),
        };
        Ok(Response::new(render(answer)))
    }
}

impl Check {
    /// Where a client asks from: from where Envoy says, or, where that is a trusted proxy too, from where that one says.
    fn client(&self, headers: &HeaderMap, envoy: Origin, source: IpAddr) -> Origin {
        let behind = Origin::of(headers, SocketAddr::new(source, 0), &self.app.settings.trusted_proxies);
        Origin { id: behind.id, client: behind.client, ..envoy }
    }
}

/// What a client asked, with which headers, and from where.
fn read(request: CheckRequest, most: usize) -> Result<(Asked, HeaderMap, Option<IpAddr>), Refused> {
    let attributes = request.attributes.unwrap_or_default();
    let source = source(&attributes);
    let http = attributes.request.and_then(|request| request.http).ok_or_else(|| bad("there is no HTTP request"))?;
    let headers = headers(&http)?;
    let method = http.method.parse().map_err(|_| bad("the method is none"))?;
    let bytes = if http.raw_body.is_empty() { http.body.into_bytes() } else { http.raw_body };
    let body = if bytes.is_empty() { Body::None } else { original::body(&headers, Bytes::from(bytes), most)? };
    Ok((Asked { method, target: http.path, body }, headers, source))
}

fn source(attributes: &AttributeContext) -> Option<IpAddr> {
    let address = attributes.source.as_ref()?.address.as_ref()?.address.as_ref()?;
    match address {
        Address::SocketAddress(socket) => socket.address.parse().ok(),
        Address::Pipe(_) | Address::EnvoyInternalAddress(_) => None,
    }
}

/// The headers, in whichever of its two forms Envoy tells them.
fn headers(http: &HttpRequest) -> Result<HeaderMap, Refused> {
    let mapped = http.headers.iter().map(|(name, value)| (name, value.as_bytes()));
    let listed = http.header_map.iter().flat_map(|map| &map.headers);
    let listed =
        listed.map(|pair| (&pair.key, if pair.raw_value.is_empty() { pair.value.as_bytes() } else { &pair.raw_value }));
    let mut headers = HeaderMap::new();
    for (name, value) in mapped.chain(listed).filter(|(name, _)| !name.starts_with(':')) {
        let name: HeaderName = name.parse().map_err(|_| bad("a header has no proper name"))?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|_| bad("a header has no proper value"))?);
    }
    Ok(headers)
}

fn bad(message: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "BAD_FORWARD", message)
}

fn render(answer: Answer) -> CheckResponse {
    let (code, response, grounds) = match answer {
        Answer::Allowed(allowed) => {
            let response = OkHttpResponse {
                headers: allowed.upstream.iter().filter(|(_, value)| !value.is_empty()).map(option).collect(),
                headers_to_remove: allowed.without_value().into_iter().map(str::to_owned).collect(),
                response_headers_to_add: allowed.client.iter().map(option).collect(),
                ..OkHttpResponse::default()
            };
            (Code::Ok, HttpResponse::OkResponse(response), allowed.grounds)
        }
        Answer::Denied(denied) => {
            let code = match denied.status {
                StatusCode::UNAUTHORIZED => Code::Unauthenticated,
                StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
                _ => Code::PermissionDenied,
            };
            let response = DeniedHttpResponse {
                status: Some(HttpStatus { code: i32::from(denied.status.as_u16()) }),
                headers: denied.headers.iter().map(option).collect(),
                body: denied.body(),
            };
            (code, HttpResponse::DeniedResponse(response), denied.grounds)
        }
    };
    let metadata = [("rule", grounds.rule), ("revision", grounds.revision)];
    let text = |text| Value { kind: Some(Kind::StringValue(text)) };
    let fields = metadata.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    CheckResponse {
        status: Some(rpc::Status { code: code.into(), ..rpc::Status::default() }),
        dynamic_metadata: Some(Struct { fields }),
        http_response: Some(response),
    }
}

/// A header that takes the place of those of its name.
fn option((name, value): (&HeaderName, &HeaderValue)) -> HeaderValueOption {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    HeaderValueOption {
        header: Some(Pair { key: name.as_str().to_owned(), value, ..Pair::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, CheckRequest, HttpRequest, Pair, read, render};
    use crate::server::forward::answer::{Answer, Refused};
    use ::http::StatusCode;
    use envoy_types::{
        ext_authz::v3::pb::HttpResponse,
        pb::envoy::{
            config::core::v3::HeaderMap as Listed,
            service::auth::v3::{AttributeContext, attribute_context::Request},
        },
    };

    fn request(http: HttpRequest) -> CheckRequest {
        let request = Some(Request { http: Some(http), time: None });
        CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) }
    }

    fn http(headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        HttpRequest { method: "POST".to_owned(), path: "/a".to_owned(), headers, ..HttpRequest::default() }
    }

    #[test]
    fn headers_are_read_in_both_forms() {
        let (_, headers, _) = read(request(http(&[(":path", "/a"), ("authorization", "Bearer x")])), 4).unwrap();
        assert_eq!(headers.len(), 1);
        let pair = Pair { key: "authorization".to_owned(), raw_value: b"Bearer x".to_vec(), ..Pair::default() };
        let listed = HttpRequest { header_map: Some(Listed { headers: vec![pair] }), ..http(&[]) };
        let (_, headers, _) = read(request(listed), 4).unwrap();
        assert_eq!(headers["authorization"], "Bearer x");
    }

    #[test]
    fn a_body_says_whether_it_is_whole() {
        let body = |partial: &str| {
            let http = HttpRequest { raw_body: b"{}".to_vec(), ..http(&[("x-envoy-auth-partial-body", partial)]) };
            read(request(http), 4).map(|(asked, ..)| asked.body)
        };
        assert!(matches!(body("false"), Ok(Body::Whole(_))));
        assert!(matches!(body("true"), Ok(Body::Partial)));
        assert!(body("").is_err());
    }

    #[test]
    fn what_is_no_request_is_denied() {
        for request in [CheckRequest::default(), request(HttpRequest::default()), request(http(&[("a b", "")]))] {
            assert!(read(request, 4).is_err());
        }
    }

    #[test]
    fn codes_of_denials() {
        let code = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let response = render(Answer::from(Refused::new(status, "NO", "no")));
            let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("it is denied") };
            assert_eq!(denied.status.unwrap().code, i32::from(status.as_u16()));
            response.status.unwrap().code
        };
        assert_eq!([401, 429, 403, 404, 503].map(code), [16, 8, 7, 7, 7]);
    }
}
