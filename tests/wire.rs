//! The formats of `policyc::wire`, from outside.

#[cfg(test)]
mod wire {
    mod acl;
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is, an import must not make it")]
    mod acl_meaning;
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is, a catalog must not make it")]
    mod catalog;
    mod json;
    mod requests;
}
