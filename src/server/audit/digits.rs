//! Instants and addresses as records say them: each record has both, so they are written without a detour.

use crate::wire::write::quoted;
use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use std::net::IpAddr;

/// An address, those of version 4 without a detour.
pub(super) fn address(out: &mut Vec<u8>, value: IpAddr) {
    let IpAddr::V4(value) = value else { return quoted(out, &value.to_string()) };
    out.push(b'"');
    for (place, octet) in value.octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        let [hundreds, tens, ones] = digits(octet.into());
        if octet >= 100 {
            out.push(hundreds);
        }
        if octet >= 10 {
            out.push(tens);
        }
        out.push(ones);
    }
    out.push(b'"');
}

/// `"2026-01-01T00:00:00.123456Z"`.
pub(super) fn instant(out: &mut Vec<u8>, at: DateTime<Utc>) {
    let utc = at.naive_utc();
    let Ok(year @ 0..=9999) = u32::try_from(utc.year()) else {
        return quoted(out, &at.to_rfc3339_opts(SecondsFormat::Micros, true));
    };
    // A leap second goes on counting in the one before it.
    let micros = (utc.nanosecond() / 1_000).min(999_999);
    let [a, b, c, d] = digits(year);
    let [[e, f], [g, h], [i, j], [k, l], [m, n]] =
        [utc.month(), utc.day(), utc.hour(), utc.minute(), utc.second()].map(digits);
    let [o, p, q, r, s, t] = digits(micros);
    out.extend_from_slice(&[
        b'"', a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'.', o, p, q, r, s, t, b'Z',
        b'"',
    ]);
}

/// The last decimal places of a number.
fn digits<const PLACES: usize>(mut number: u32) -> [u8; PLACES] {
    let mut places = [b'0'; PLACES];
    for place in places.iter_mut().rev() {
        *place |= (number % 10) as u8;
        number /= 10;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{address, instant};
    use chrono::{DateTime, SecondsFormat};

    #[test]
    fn instants_are_written_as_everywhere() {
        for (seconds, nanos) in [
            (0, 0),
            (1_767_225_600, 123_456_789),
            (951_782_399, 999_999_999),
            (253_402_300_799, 1_000),
            (253_402_300_800, 0),
            (-62_167_219_200, 5_000),
            (-62_167_219_201, 0),
        ] {
            let at = DateTime::from_timestamp(seconds, nanos).unwrap();
            let mut written = Vec::new();
            instant(&mut written, at);
            let wanted = format!("\"{}\"", at.to_rfc3339_opts(SecondsFormat::Micros, true));
            assert_eq!(String::from_utf8(written).unwrap(), wanted);
        }
    }

    #[test]
    fn addresses_are_written_as_everywhere() {
        for text in ["0.0.0.0", "10.1.20.255", "192.168.100.99", "::1", "2001:db8::ff00:42:8329", "::ffff:10.1.2.3"] {
            let mut written = Vec::new();
            address(&mut written, text.parse().unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), format!("\"{text}\""));
        }
    }
}
