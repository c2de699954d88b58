//! Exported files that are damaged: whatever is wrong with one, it is named, and nothing panics.

use super::*;

/// Every so many bytes one is changed.
const STEP: usize = 53;

/// Runs a command; gives what it says of what went wrong, and how it ended.
fn policyc(args: &[&str]) -> (String, u8) {
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), "".as_bytes());
    let mut io = Io {
        input: &mut input,
        out: &mut out,
        err: &mut err,
        color_out: false,
        color_err: false,
        interactive: false,
        width: 80,
    };
    let args = std::iter::once("policyc").chain(args.iter().copied()).map(OsString::from);
    let exit = policyc::run(args, &policyc::store::Stores::default(), &mut io);
    (String::from_utf8(err).unwrap(), exit.code())
}

#[test]
fn damage_is_named() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/audit_parquet.toml");
    let case: Case = toml::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let folder = case.make();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (state, whole, damaged, set) =
        (path("policyc-state"), path("a.parquet"), path("b.parquet"), path("next.policy"));
    let export = ["audit", "export", "--format", "parquet", "--state", &state, "-o", &whole];
    assert_eq!(policyc(&export).1, 0);
    let whole = fs::read(&whole).unwrap();
    let mut named = 0;
    let mut replay = |bytes: &[u8]| {
        fs::write(&damaged, bytes).unwrap();
        let (err, exit) = policyc(&["audit", "replay", &set, "--parquet", &damaged]);
        // What is damaged unseen is read as something else.
        if exit == 1 {
            assert!(err.starts_with(&format!("error: cannot replay `{damaged}`: ")), "{err}");
            named += 1;
        }
        exit
    };
    for place in (0..whole.len()).step_by(STEP) {
        for flipped in [0x01, 0x15, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= flipped;
            replay(&bytes);
        }
        assert_eq!(replay(&whole[..place]), 1);
    }
    assert!(named > whole.len() / STEP);
}
