//! "Did you mean".

/// The candidate most like a word, if one is like it at all: at most a third of its letters are others. Of equally near
/// ones the first counts.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let other = candidate.to_lowercase();
        let likeness = strsim::jaro_winkler(&lower, &other).max(strsim::normalized_damerau_levenshtein(&lower, &other));
        let letters = lower.chars().count().max(other.chars().count());
        let near = likeness >= 0.8 && strsim::damerau_levenshtein(&lower, &other) <= (letters / 3).max(1);
        if near && candidate != word && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The help "did you mean …", if a candidate is like the word; else the candidates, if they are few.
pub(super) fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut candidates: Vec<&str> = candidates.into_iter().collect();
    candidates.sort_unstable();
    candidates.dedup();
    if let Some(near) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match candidates.as_slice() {
        [only] => Some(format!("there is only `{only}`")),
        [_, ..] if candidates.len() <= 8 => Some(format!("known are {}", list(candidates))),
        _ => None,
    }
}

/// Names in backticks, with commas.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{nearest, suggestion};

    #[test]
    fn finds_what_was_meant() {
        let roles = ["researcher", "admin", "viewer"];
        assert_eq!(nearest("reseacher", roles), Some("researcher"));
        assert_eq!(nearest("Admin", roles), Some("admin"));
        assert_eq!(nearest("pilot", roles), None);
        assert_eq!(suggestion("pilot", roles).as_deref(), Some("known are `admin`, `researcher`, `viewer`"));
        assert_eq!(suggestion("pilot", ["admin"]).as_deref(), Some("there is only `admin`"));
        assert_eq!(suggestion("pilot", []), None);
        assert_eq!(nearest("DE", ["degraded"]), None);
    }
}
