//! A ClusterBenchmark from apply to gone, seen through kubectl.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::line::Line;
use super::watch::Watch;
use crate::kubernetes::kubectl::Kubectl;

/// The clock of the live line.
const TICK: Duration = Duration::from_secs(1);
/// Before a watch that ended is started again.
const PAUSE: Duration = Duration::from_millis(500);

/// The place of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bench {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Bench {
    /// Applies a manifest, which people call `name`; the ClusterBenchmarks in it.
    pub(super) async fn apply(kubectl: &Kubectl, manifest: &str, name: &str) -> anyhow::Result<Vec<Self>> {
        say::line(format_args!("\n$ kubectl apply --filename {name}"));
        let applied = kubectl.feed(&["apply", "--filename=-", "--output=json"], manifest).await?;
        let benches = found(&serde_json::from_str(&applied).context("kubectl printed broken JSON")?);
        if benches.is_empty() {
            bail!("the manifest holds no ClusterBenchmark");
        }
        for bench in &benches {
            say::line(format_args!("clusterbenchmark.clusterbench.dev/{} created", bench.name));
        }
        Ok(benches)
    }

    /// The flag that a user would need, if any.
    pub(super) fn flag(&self) -> String {
        if self.namespace == "default" { String::new() } else { format!(" --namespace {}", self.namespace) }
    }

    /// Shows how it goes until the result is recorded; whether that is valid.
    pub(super) async fn ready(&self, kubectl: &Kubectl, started: Instant, patience: Duration) -> anyhow::Result<bool> {
        let mut line = Line::new(started);
        let deadline = tokio::time::Instant::now() + patience;
        let mut watch = Watch::start(kubectl, &self.namespace, &self.name)?;
        let mut object = Value::Null;
        loop {
            tokio::select! {
                seen = watch.next() => match seen? {
                    Some(seen) => object = seen,
                    None => {
                        tokio::time::sleep(PAUSE).await;
                        watch = Watch::start(kubectl, &self.namespace, &self.name)?;
                    }
                },
                () = tokio::time::sleep(TICK) => {}
                () = tokio::time::sleep_until(deadline) => {
                    line.leave();
                    bail!("{} was not ready within {} minutes\n{}", self.name, patience.as_secs() / 60, conditions(&object));
                }
            }
            if object.is_null() {
                continue;
            }
            line.show(&summary(&object));
            match outcome(&object) {
                Outcome::Pending => {}
                Outcome::Ready { is_valid } => {
                    line.leave();
                    return Ok(is_valid);
                }
                Outcome::Stalled(why) => {
                    line.leave();
                    bail!("{} is stalled: {why}\n{}", self.name, conditions(&object));
                }
            }
        }
    }

    pub(super) async fn delete(&self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let delete = ["delete", "clusterbenchmark", &self.name, "--namespace", &self.namespace, "--wait=false"];
        kubectl.run(&delete).await.map(drop)
    }

    /// Returns when the object is gone.
    pub(super) async fn gone(&self, kubectl: &Kubectl, patience: Duration) -> anyhow::Result<()> {
        let object = format!("clusterbenchmark/{}", self.name);
        let timeout = format!("--timeout={}s", patience.as_secs());
        let wait = ["wait", "--for=delete", &object, "--namespace", &self.namespace, &timeout];
        let Err(error) = kubectl.run(&wait).await else { return Ok(()) };
        let get = ["get", &object, "--namespace", &self.namespace, "--output=json"];
        let state = kubectl.run(&get).await.ok().and_then(|text| serde_json::from_str(&text).ok());
        bail!("{error:#}\n{}", conditions(&state.unwrap_or(Value::Null)))
    }
}

/// ClusterBenchmarks in what `kubectl apply -o json` prints: one object or a list.
fn found(applied: &Value) -> Vec<Bench> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(items) = applied["items"].as_array() {
        return items.iter().flat_map(found).collect();
    }
    let metadata = &applied["metadata"];
    let is_ours = applied["kind"] == "ClusterBenchmark";
    is_ours
        .then(|| Bench { namespace: text(&metadata["namespace"]), name: text(&metadata["name"]) })
        .into_iter()
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Pending,
    /// There is a result.
    Ready {
        is_valid: bool,
    },
    Stalled(String),
}

/// The conditions of the current generation, in words.
fn outcome(object: &Value) -> Outcome {
    let generation = &object["metadata"]["generation"];
    let current = |condition: &&Value| {
        let seen = condition.get("observedGeneration").unwrap_or(generation);
        condition["status"] == "True" && seen == generation
    };
    let mut holding = object["status"]["conditions"].as_array().into_iter().flatten().filter(current);
    holding
        .find_map(|condition| match condition["type"].as_str()? {
            "Ready" => Some(Outcome::Ready { is_valid: true }),
            "Stalled" if is_reported(object) => Some(Outcome::Ready { is_valid: false }),
            "Stalled" => Some(Outcome::Stalled(condition["message"].as_str().unwrap_or_default().to_owned())),
            _ => None,
        })
        .unwrap_or(Outcome::Pending)
}

/// Whether the newest run has a report, which says better than conditions do why the object is stalled.
fn is_reported(object: &Value) -> bool {
    let newest = object["status"]["runs"].as_array().and_then(|runs| runs.last());
    newest.and_then(|run| run["report"].as_str()).is_some_and(|name| !name.is_empty())
}

/// Phase, instances, progress in one line.
fn summary(object: &Value) -> String {
    let status = &object["status"];
    let text = |name: &str| status[name].as_str().unwrap_or_default();
    let phase = Some(text("phase")).filter(|phase| !phase.is_empty()).unwrap_or("Waiting for the operator");
    let mut line = format!("{phase:<12}");
    if !text("instancesReady").is_empty() {
        line.push_str(&format!("  instances {}", text("instancesReady")));
    }
    // While nothing is measured yet the worst condition says more than the progress does.
    let detail = Some(text("progress")).filter(|progress| !progress.is_empty()).unwrap_or_else(|| waiting_for(status));
    if !detail.is_empty() {
        line.push_str(&format!("  {detail}"));
    }
    line.replace('\n', " ")
}

/// The message of the first condition that does not hold.
fn waiting_for(status: &Value) -> &str {
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let open = conditions.iter().find(|condition| condition["status"] != "True");
    open.and_then(|condition| condition["message"].as_str()).unwrap_or_default()
}

/// All conditions as lines, for a failure.
fn conditions(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let all = object["status"]["conditions"].as_array().into_iter().flatten();
    let lines = all.map(|one| {
        format!(
            "    {:<12} {:<8} {}: {}",
            text(&one["type"]),
            text(&one["status"]),
            text(&one["reason"]),
            text(&one["message"])
        )
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        "    it has no conditions: the operator has not seen it".to_owned()
    } else {
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn benchmarks_are_found_among_other_things() {
        let one = json!({ "kind": "ClusterBenchmark", "metadata": { "namespace": "a", "name": "b" } });
        let list = json!({ "kind": "List", "items": [{ "kind": "Namespace", "metadata": { "name": "a" } }, one] });
        let bench = Bench { namespace: "a".to_owned(), name: "b".to_owned() };
        assert_eq!(found(&one), std::slice::from_ref(&bench));
        assert_eq!(found(&list), [bench]);
    }

    fn object(condition: &str, status: &str, observed: u64) -> Value {
        let condition =
            json!({ "type": condition, "status": status, "observedGeneration": observed, "message": "why" });
        json!({ "metadata": { "generation": 2 }, "status": { "phase": "Measuring", "conditions": [condition] } })
    }

    #[test]
    fn only_conditions_of_this_generation_count() {
        assert_eq!(outcome(&object("Ready", "True", 2)), Outcome::Ready { is_valid: true });
        assert_eq!(outcome(&object("Ready", "True", 1)), Outcome::Pending);
        assert_eq!(outcome(&object("Ready", "False", 2)), Outcome::Pending);
        assert_eq!(outcome(&object("Stalled", "True", 2)), Outcome::Stalled("why".to_owned()));
        assert_eq!(outcome(&json!({})), Outcome::Pending);
    }

    #[test]
    fn a_run_that_is_not_valid_is_a_result() {
        let mut stalled = object("Stalled", "True", 2);
        for runs in [json!([]), json!([{ "report": "" }]), json!([{ "outcome": "Running" }])] {
            stalled["status"]["runs"] = runs;
            assert_eq!(outcome(&stalled), Outcome::Stalled("why".to_owned()));
        }
        stalled["status"]["runs"] = json!([{ "outcome": "Failed", "report": "bench-1" }]);
        assert_eq!(outcome(&stalled), Outcome::Ready { is_valid: false });
    }

    #[test]
    fn the_line_says_what_is_missing() {
        assert_eq!(summary(&json!({})).trim(), "Waiting for the operator");
        assert_eq!(summary(&object("Provisioned", "False", 2)), "Measuring     why");
        let status =
            json!({ "status": { "phase": "Measuring", "instancesReady": "10/10", "progress": "round 3 of 20" } });
        assert_eq!(summary(&status), "Measuring     instances 10/10  round 3 of 20");
    }
}
