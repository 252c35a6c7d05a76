//! Prints the labels of `docs/metrics.md` that the planner's types close. `cargo xtask gen` writes them between their
//! marks.

use planner::Failure;
use planner::effect::Kind;

fn main() {
    section("action", Kind::ALL.iter().map(|kind| (kind.name(), kind.sentence())));
    let ok = ("Ok", "It was answered, or done.");
    section("result", [ok].into_iter().chain(Failure::ALL.iter().map(|failure| (failure.name(), failure.sentence()))));
}

fn section(name: &str, labels: impl Iterator<Item = (&'static str, &'static str)>) {
    println!("<!-- generated: {name} -->");
    println!("| `{name}` | |\n|---|---|");
    for (label, sentence) in labels {
        println!("| `{label}` | {} |", sentence.trim());
    }
    println!("<!-- end -->");
}
