//! Cookies: read from a request, and written so that no script and no other site has them.

use ::http::{HeaderMap, HeaderValue, header::COOKIE};

/// The value of a cookie.
pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

/// A cookie for so many seconds; 0 takes it away. Both texts are the service's own.
pub(super) fn set(name: &str, value: &str, seconds: u32, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/ui; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("xsession=1; session=2"));
        headers.append(COOKIE, HeaderValue::from_static("theme=dark"));
        assert_eq!(value(&headers, "session"), Some("2"));
        assert_eq!(value(&headers, "theme"), Some("dark"));
        assert_eq!(value(&headers, "sess"), None);
    }
}
