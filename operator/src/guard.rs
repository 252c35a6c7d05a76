//! `operator guard`: looks before the operator is uninstalled. Ends with 1 and a sentence while there are benchmarks.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

/// Benchmarks that the sentence names.
const NAMED: usize = 5;

/// Says whether the operator may be uninstalled: not while there are ClusterBenchmarks. Needs Kubernetes, and no AWS.
#[derive(Debug, Parser)]
#[command(name = "operator guard", version)]
pub(crate) struct Guard {}

pub(crate) async fn guard(_arguments: Guard) -> anyhow::Result<ExitCode> {
    let client = controller::connect().await.context("no Kubernetes cluster: set KUBECONFIG, or run in a pod")?;
    let benchmarks = controller::benchmarks(client).await.context(
        "nobody knows whether there are ClusterBenchmarks: if their definition is gone, so are they; then uninstall with --no-hooks",
    )?;
    Ok(match refusal(&benchmarks) {
        Some(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
        None => {
            say::line("there is no ClusterBenchmark: nothing needs the operator");
            ExitCode::SUCCESS
        }
    })
}

/// The reason not to go on, if there is one.
fn refusal(benchmarks: &[String]) -> Option<String> {
    let (count, verb) = match benchmarks {
        [] => return None,
        [_] => ("1 ClusterBenchmark".to_owned(), "exists"),
        several => (format!("{} ClusterBenchmarks", several.len()), "exist"),
    };
    let named = benchmarks.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = benchmarks.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!(
        "{count} {verb} ({named}{more}): without the operator nobody ends what they run in AWS, and their finalizer keeps them. \
         First `kubectl delete clusterbenchmarks --all --all-namespaces`, which ends it; or uninstall with --no-hooks, and it stays"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn who_is_there_is_named_with_the_way_out() {
        Guard::command().debug_assert();
        assert_eq!(refusal(&[]), None);
        let one = refusal(&["default/first".to_owned()]).unwrap();
        assert!(one.starts_with("1 ClusterBenchmark exists (default/first): without the operator"), "{one}");
        assert!(one.contains("kubectl delete clusterbenchmarks --all --all-namespaces") && one.contains("--no-hooks"));
        let many: Vec<String> = (1..=7).map(|number| format!("a/{number}")).collect();
        let said = refusal(&many).unwrap();
        assert!(said.starts_with("7 ClusterBenchmarks exist (a/1, a/2, a/3, a/4, a/5 and 2 more): "), "{said}");
    }
}
