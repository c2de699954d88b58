//! What the service is measured against.

use axum::{Json, Router, response::IntoResponse, routing::post};
use std::time::Duration;
use tokio::{net::TcpListener, runtime::Builder};

/// A handler that parses the JSON of a request and answers a constant.
pub(crate) fn serve() {
    let answer = r#"{"decision":true,"context":{"rule":"lab.policy:3","at":"lab.policy:3","revision":"sha256:a5ad45785f04a120af9753bfe51ba7966fd308d115a7c49150f10c035cebe2f7"}}"#;
    let handler = async move |Json(request): Json<serde_json::Value>| {
        std::hint::black_box(request);
        ([("content-type", "application/json")], answer)
    };
    listen(Router::new().route("/access/v1/evaluation", post(handler)));
}

/// A model: it answers a chat at once, as a stream of one piece and an end.
pub(crate) fn upstream() {
    let handler = async || {
        let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\ndata: [DONE]\n\n";
        ([("content-type", "text/event-stream")], piece).into_response()
    };
    listen(Router::new().route("/v1/chat/completions", post(handler)));
}

fn listen(router: Router) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("policyc: listening on http://{}", socket.local_addr().unwrap());
        // As the service does: an answer must not wait for the one before to be acknowledged.
        let socket = axum::serve::ListenerExt::tap_io(socket, |stream| {
            let _ = stream.set_nodelay(true);
        });
        let _ = tokio::time::timeout(Duration::MAX, axum::serve(socket, router).into_future()).await;
    });
}
