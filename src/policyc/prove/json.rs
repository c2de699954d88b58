//! What became of claims, as one JSON document.

use super::Proved;
use crate::{
    decision::Decision,
    query::{Finding, Proof, unknown},
    request::Request,
    wire,
};
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a, R: Serialize, D: Serialize> {
    claims: Vec<ClaimShape<'a, R, D>>,
}

#[derive(Serialize)]
struct ClaimShape<'a, R: Serialize, D: Serialize> {
    name: &'a str,
    text: &'a str,
    file: &'a str,
    line: usize,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterexample: Option<R>,
    /// What the counterexample says is unknown, where it would have a default: JSON can only leave it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<D>,
}

/// One JSON document with a line break at its end.
pub(super) fn render(all: &[Proved]) -> String {
    let proofs = || all.iter().flat_map(|proved| proved.proofs.iter().map(move |proof| (proved, proof)));
    let decision = |(proved, proof): (&Proved, &Proof)| proved.engine.unlimited(request(proof)?).ok();
    let decisions: Vec<Option<Decision>> = proofs().map(decision).collect();
    let claims = proofs().zip(&decisions).map(|((proved, proof), decision)| shape(proved, proof, decision)).collect();
    let mut text = serde_json::to_string(&Report { claims }).unwrap_or_default();
    text.push('\n');
    text
}

/// The request that refutes a claim, if there is one.
fn request(proof: &Proof) -> Option<&Request> {
    match &proof.finding {
        Finding::Refuted(example) => Some(&example.request),
        Finding::Holds | Finding::Inconclusive => None,
    }
}

fn shape<'a>(
    proved: &'a Proved,
    proof: &'a Proof,
    decision: &'a Option<Decision>,
) -> ClaimShape<'a, impl Serialize + 'a, impl Serialize + 'a> {
    let (file, line) = proved.place(proof.at);
    let request = request(proof);
    ClaimShape {
        name: &proof.name,
        text: proved.text(proof),
        file,
        line,
        verdict: match proof.finding {
            Finding::Holds => "holds",
            Finding::Refuted(_) => "refuted",
            Finding::Inconclusive => "inconclusive",
        },
        counterexample: request.map(wire::request::view),
        unknown: request.map(unknown).unwrap_or_default(),
        decision: decision.as_ref().map(wire::decision::view),
    }
}
