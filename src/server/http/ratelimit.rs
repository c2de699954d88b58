//! What an answer says of limits: `Retry-After`, and the fields `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers).
//!
//! Clients read less of these fields than the draft allows: `huggingface_hub` only names of letters, digits and `_`, `r`
//! before `t`, and the first policy. So names are written so, and the limit that matters most comes first.

use crate::decision::{Decision, Denial, LimitState};
use ::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{InvalidHeaderValue, RETRY_AFTER},
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Tells the client of an OpenAI SDK, or whatever works off a queue, not to ask again by itself.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The longest that such a client waits because it was told to, in seconds; told to wait longer, it asks again at once.
const LONGEST_WAIT: u64 = 60;

/// What the policy of a limit says that has no window: it counts what is under way.
const AT_ONCE: &str = ";qu=\"concurrent-requests\"";

/// What the headers of an answer say of a decision's limits; nothing, where no limit had a say.
pub(crate) fn headers(decision: &Decision) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(denial) = decision.denial() {
        if let Some(seconds) = denial.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        // Neither a rule nor a limit that is full for long answers otherwise after the second that SDKs and queues wait.
        if !passes(denial) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(limit) = &denial.limit {
            put(&mut headers, &[limit], |limit| denial.retry_after.unwrap_or(limit.reset));
        }
    } else {
        let mut limits: Vec<&LimitState> = decision.limits.iter().collect();
        limits.sort_by_key(|limit| limit.remaining);
        put(&mut headers, &limits, |limit| limit.reset);
    }
    headers
}

/// Whether it helps to ask again soon, without having changed anything: what takes longer is a quota that is used up.
pub(crate) fn passes(denial: &Denial) -> bool {
    denial.retry_after.is_some_and(|seconds| seconds <= LONGEST_WAIT)
}

/// Both fields, each with one item for each limit, where there is one; `wait` says in how many seconds there is room
/// again.
pub(crate) fn put(headers: &mut HeaderMap, limits: &[&LimitState], wait: impl Fn(&LimitState) -> u64) {
    if limits.is_empty() {
        return;
    }
    let states = limits.iter().map(|limit| format!("\"{}\";r={};t={}", name(limit), limit.remaining, wait(limit)));
    let policies = limits.iter().map(|limit| match limit.window {
        Some(window) => format!("\"{}\";q={};w={window}", name(limit), limit.limit),
        None => format!("\"{}\";q={}{AT_ONCE}", name(limit), limit.limit),
    });
    let list = |items: Vec<String>| -> Result<HeaderValue, InvalidHeaderValue> { items.join(", ").parse() };
    if let (Ok(states), Ok(policies)) = (list(states.collect()), list(policies.collect())) {
        headers.insert(RATE_LIMIT, states);
        headers.insert(RATE_LIMIT_POLICY, policies);
    }
}

/// A limit's name in the letters that clients read.
fn name(limit: &LimitState) -> String {
    limit.name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::headers;
    use crate::{
        engine::{EngineBuilder, Spend},
        request::{Principal, Request, Resource},
    };

    #[test]
    fn the_limit_that_matters_most_comes_first() {
        let text = "allow anyone to infer;\nlimit anyone to infer at most 100 per day;\n\
                    burst: limit anyone to infer at most 1 per minute;\nlimit anyone to infer at most 5 at once;\n";
        let engine = EngineBuilder::default().text("a.policy", text).load().unwrap();
        let request = Request::new(Principal::user("alice"), "infer", Resource::model("qwen3"));
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        let mut shown = String::new();
        for _ in 0..2 {
            let decision = engine.decide_dated(&request, now, Spend::Charge).unwrap();
            for (name, value) in &headers(&decision) {
                shown.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
            }
            shown.push_str("--\n");
        }
        insta::assert_snapshot!(shown);
    }
}
