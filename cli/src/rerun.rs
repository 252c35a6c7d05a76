//! `rerun`: another run on the same instances, which is another `runId`.

use anyhow::bail;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::access::Access;
use crate::arguments::Rerun;
use crate::exit::Exit;
use crate::names::LONGEST_RUN;
use crate::standing::{Standing, standing};

pub(crate) async fn rerun(access: &Access, wanted: &Rerun) -> anyhow::Result<Exit> {
    let name = &wanted.name;
    let object = access.benchmark(name).await?;
    if object.metadata.deletion_timestamp.is_some() {
        bail!("{name} is being deleted: apply it again when it is gone");
    }
    if let Standing::Stalled { why, .. } = standing(&object)
        && why.starts_with("Expired")
    {
        bail!("{name} measures nothing any more ({why}): delete it and apply it again");
    }
    let old = &object.spec.run_id;
    let runs = object.status.iter().flat_map(|status| &status.runs);
    if !wanted.now && runs.clone().any(|run| run.id == *old && run.outcome == "Running") {
        bail!(
            "the run {old} of {name} is on: wait for it (`kubectl clusterbenchmark wait {name}`), or end it without a result by --now"
        );
    }
    let used: Vec<&str> = runs.map(|run| run.id.as_str()).collect();
    let new = wanted.run.clone().unwrap_or_else(|| next(old, &used));
    if used.contains(&new.as_str()) || new == *old {
        bail!("--run {new}: {name} has a run of this name: choose another one, or leave it out");
    }
    // Nobody's change in between is lost, and two who do this at once begin one run.
    let patch =
        json!({ "metadata": { "resourceVersion": object.metadata.resource_version }, "spec": { "runId": new } });
    let answer = access.benchmarks().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    access.found(answer, "patch", "clusterbenchmarks")?;
    say::line(format_args!("{name}: run {new} is asked for (`kubectl clusterbenchmark watch {name}`)"));
    Ok(Exit::Done)
}

/// The number at the end is one more, and one that nobody used.
fn next(old: &str, used: &[&str]) -> String {
    let stem = old.trim_end_matches(|last: char| last.is_ascii_digit());
    let number: Option<u64> = old[stem.len()..].parse().ok();
    // The name of a second run where the first one has no number.
    let (stem, first) = match number {
        Some(number) => (stem.to_owned(), number.saturating_add(1)),
        None => (format!("{stem}-"), 2),
    };
    let named = |number: u64| {
        let number = number.to_string();
        let room = LONGEST_RUN.saturating_sub(number.len());
        format!("{}{number}", stem.chars().take(room).collect::<String>())
    };
    (first..).map(named).find(|name| !used.contains(&name.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn the_next_run_has_the_next_number() {
        assert_eq!(next("1", &["1"]), "2");
        assert_eq!(next("9", &["9", "10"]), "11");
        assert_eq!(next("nightly-09", &[]), "nightly-10");
        assert_eq!(next("first", &["first"]), "first-2");
        assert_eq!(next("first", &["first", "first-2"]), "first-3");
        let long = "a".repeat(40);
        assert_eq!(next(&long, &[]), format!("{}2", "a".repeat(39)));
    }
}
