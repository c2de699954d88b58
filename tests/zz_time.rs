//! t
use policyc::{
    ast,
    source::{FileId, Source},
};
#[test]
fn t() {
    let rule = "trial: allow user \"alice@company.com\" to train on \"x\" when mfa and tier >= seed;\n";
    let mut cases: Vec<(&str, String)> = vec![("rules", rule.repeat(20_000)), ("rules2", rule.repeat(40_000))];
    for n in [1usize << 19, 1 << 20] {
        for m in [
            "(",
            "\"",
            "{",
            "a ",
            "on {",
            "allow anyone to view ",
            "allow anyone to view\n",
            "/**/",
            "\u{1}",
            "x\u{1};\n",
            "\"\n",
            "' ",
            "on a {\n",
        ] {
            cases.push((m, m.repeat(n / m.len())));
        }
    }
    for (name, text) in cases {
        let s = Source::new("a", "a", &text);
        let t = std::time::Instant::now();
        let (a, d) = ast::parse(FileId(0), &s);
        println!(
            "{:30?} {:>9} bytes {:>6} items {:>5} diags {:?}",
            name,
            text.len(),
            a.items.len(),
            d.len(),
            t.elapsed()
        );
    }
}
