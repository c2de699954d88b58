//! How limits stand, as headers: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, in the form that
//! the client of the Hugging Face Hub reads), and `x-ratelimit-…` as OpenAI's clients know it.

use crate::{decision::LimitState, server::http::ratelimit};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use std::cmp::Ordering;

/// Whether a header tells how limits stand: an upstream's are about the service, not about its caller.
pub(super) fn is_about_limits(name: &HeaderName) -> bool {
    ["ratelimit", "x-ratelimit"]
        .iter()
        .any(|start| name.as_str().strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// Tells how limits stand, the one first that has the least room. `decided` is the rule that refused, if one did, and the
/// wait until it will not.
pub(super) fn tell(headers: &mut HeaderMap, limits: &[LimitState], decided: Option<(&str, Option<u64>)>) {
    let decides = |limit: &LimitState| decided.is_some_and(|(name, _)| *name == *limit.name);
    let mut limits: Vec<&LimitState> = limits.iter().collect();
    limits.sort_by(|one, other| {
        let first = decides(other).cmp(&decides(one)).then(one.window.is_none().cmp(&other.window.is_none()));
        first.then_with(|| fuller(one, other))
    });
    let reset = |limit: &LimitState| match decided {
        Some((name, Some(wait))) if *name == *limit.name => wait,
        Some(_) | None => limit.reset,
    };
    ratelimit::put(headers, &limits, reset);
    for (of, has_unit) in [("requests", false), ("tokens", true)] {
        let first = limits.iter().find(|limit| limit.window.is_some() && limit.unit.is_some() == has_unit);
        let Some(limit) = first else { continue };
        let facts = [
            ("limit", limit.limit.to_string()),
            ("remaining", limit.remaining.to_string()),
            ("reset", length(reset(limit))),
        ];
        for (fact, value) in facts {
            let name = HeaderName::try_from(format!("x-ratelimit-{fact}-{of}"));
            headers.extend(name.ok().zip(HeaderValue::try_from(value).ok()));
        }
    }
}

/// Which of two limits has the smaller share left.
fn fuller(one: &LimitState, other: &LimitState) -> Ordering {
    let share = |of: &LimitState, whole: &LimitState| u128::from(of.remaining).saturating_mul(whole.limit.into());
    share(one, other).cmp(&share(other, one))
}

/// So many seconds, as in `1h6m0s`.
fn length(seconds: u64) -> String {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_about_limits, tell};
    use crate::decision::LimitState;
    use ::http::{HeaderMap, HeaderName};

    fn limit(name: &str, limit: u64, remaining: u64, unit: Option<&str>, window: Option<u64>) -> LimitState {
        LimitState { name: name.into(), limit, remaining, reset: 3_700, unit: unit.map(Into::into), window }
    }

    fn told(decided: Option<(&str, Option<u64>)>) -> String {
        let limits = [
            limit("tiers.policy:14", 100, 60, None, Some(60)),
            limit("at once", 2, 0, None, None),
            limit("tokens", 10_000, 500, Some("tokens"), Some(86_400)),
        ];
        let mut headers = HeaderMap::new();
        tell(&mut headers, &limits, decided);
        headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect()
    }

    #[test]
    fn the_fullest_window_stands_first() {
        insta::assert_snapshot!(told(None), @r#"
        ratelimit: "tokens";r=500;t=3700, "tiers_policy_14";r=60;t=3700, "at_once";r=0;t=3700
        ratelimit-policy: "tokens";q=10000;w=86400, "tiers_policy_14";q=100;w=60, "at_once";q=2;qu="concurrent-requests"
        x-ratelimit-limit-requests: 100
        x-ratelimit-remaining-requests: 60
        x-ratelimit-reset-requests: 1h1m40s
        x-ratelimit-limit-tokens: 10000
        x-ratelimit-remaining-tokens: 500
        x-ratelimit-reset-tokens: 1h1m40s
        "#);
    }

    #[test]
    fn the_limit_that_refused_stands_first_with_its_wait() {
        insta::assert_snapshot!(told(Some(("tiers.policy:14", Some(7)))), @r#"
        ratelimit: "tiers_policy_14";r=60;t=7, "tokens";r=500;t=3700, "at_once";r=0;t=3700
        ratelimit-policy: "tiers_policy_14";q=100;w=60, "tokens";q=10000;w=86400, "at_once";q=2;qu="concurrent-requests"
        x-ratelimit-limit-requests: 100
        x-ratelimit-remaining-requests: 60
        x-ratelimit-reset-requests: 7s
        x-ratelimit-limit-tokens: 10000
        x-ratelimit-remaining-tokens: 500
        x-ratelimit-reset-tokens: 1h1m40s
        "#);
    }

    #[test]
    fn headers_about_limits_are_known() {
        for name in ["ratelimit", "ratelimit-policy", "ratelimit-limit", "x-ratelimit-limit-requests"] {
            assert!(is_about_limits(&HeaderName::from_static(name)), "{name}");
        }
        assert!(!is_about_limits(&HeaderName::from_static("ratelimited")));
    }
}
