//! General rules, as a company's rule book has them.

use std::fmt::Write;

/// Rules of three to six conditions each that are tied to no model: roles, organisations, tiers, networks, office hours in
/// two zones, and ends; 35 % are prohibitions. (As `benches/peers` draws them, but for the generator of random numbers.)
pub(crate) fn rules(count: usize) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const ACTIONS: [&str; 8] = ["view", "infer", "embed", "train", "evaluate", "download", "publish", "manage"];
    let mut draw = Draw(2);
    let mut text = format!("actions {};\n", ACTIONS.join(", "));
    let names = |stem: &str, count| (0..count).map(|index| format!("{stem}-{index}")).collect::<Vec<_>>();
    writeln!(text, "tiers {};", names("tier", 5).join(" < ")).unwrap();
    names("role", 20).iter().for_each(|role| writeln!(text, "role {role};").unwrap());
    for window in 0..50 {
        let day = draw.below(4);
        let (last, hour) = (day + 1 + draw.below(6 - day), 5 + draw.below(9));
        let zone = ["Europe/Berlin", "America/New_York"][draw.below(2)];
        let (from, to, end) = (DAYS[day], DAYS[last], hour + 4 + draw.below(6));
        writeln!(text, "window window-{window} = {from}..{to} {hour:02}:00..{end:02}:00 in \"{zone}\";").unwrap();
    }
    let nets: Vec<String> = (0..200)
        .map(|_| {
            let prefix = 12 + draw.below(9);
            let base = (0x0a00_0000 | draw.below(1 << 24)) >> (32 - prefix) << (32 - prefix);
            format!("{}/{prefix}", std::net::Ipv4Addr::from(u32::try_from(base).unwrap()))
        })
        .collect();
    text.push_str("deny anyone to publish on tag secret unless ip in [10.0.0.0/8];\n");
    for _ in 0..count {
        let deny = draw.below(100) < 35;
        let who = match draw.below(100) {
            0..70 => format!("role role-{}", draw.below(20)),
            70..85 => format!("tier >= tier-{}", 1 + draw.below(4)),
            _ => "anyone".to_owned(),
        };
        let wanted = 1 + draw.below(3);
        let actions = draw.some(8, wanted).into_iter().map(|action| ACTIONS[action]).collect::<Vec<_>>().join(", ");
        let more = if deny { 3 + draw.below(2) } else { 1 + draw.below(4) };
        let mut conditions = Vec::new();
        let mut until = String::new();
        for kind in draw.some(5, more) {
            match kind {
                0 => conditions.push(format!("org == \"org-{}\"", draw.below(100))),
                1 => conditions.push(format!("tier >= tier-{}", 1 + draw.below(4))),
                2 => {
                    let some: Vec<&str> = (0..=draw.below(3)).map(|_| &*nets[draw.below(200)]).collect();
                    conditions.push(format!("ip in [{}]", some.join(", ")));
                }
                3 => conditions.push(format!("time in window-{}", draw.below(50))),
                _ => until = format!(" until 2025-{:02}-{:02}", 3 + draw.below(10), 1 + draw.below(28)),
            }
        }
        let when = if conditions.is_empty() { String::new() } else { format!(" when {}", conditions.join(" and ")) };
        let effect = if deny { "deny" } else { "allow" };
        writeln!(text, "{effect} {who} to {actions}{when}{until};").unwrap();
    }
    text
}

/// Random numbers that are the same on every machine (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % u64::try_from(count).unwrap()).unwrap()
    }

    /// Some of the numbers below another, sorted.
    fn some(&mut self, of: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..of).collect();
        while all.len() > count {
            all.remove(self.below(all.len()));
        }
        all
    }
}
