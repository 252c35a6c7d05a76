//! `new`: the manifest of a benchmark from some words. Pure: it asks nobody, and nothing is applied.

use std::fmt::Write as _;

use crate::arguments::New;

pub(crate) fn manifest(wanted: &New) -> String {
    let mut text = String::new();
    let mut line = |line: String| _ = writeln!(text, "{line}");
    line(
        "# kubectl apply -f this; kubectl clusterbenchmark watch NAME; kubectl delete -f this"
            .replace("NAME", &wanted.name),
    );
    line("apiVersion: clusterbench.dev/v1alpha1".to_owned());
    line("kind: ClusterBenchmark".to_owned());
    line("metadata:".to_owned());
    line(format!("  name: {}", quoted(&wanted.name)));
    line("spec:".to_owned());
    line("  clusters:".to_owned());
    for (index, cluster) in wanted.clusters.iter().enumerate() {
        let name = cluster.name.clone().unwrap_or_else(|| format!("cluster{}", index + 1));
        line(format!(
            "    - {{ name: {}, instanceType: {}, count: {} }}",
            quoted(&name),
            quoted(&cluster.instance_type),
            cluster.count
        ));
    }
    line("  worker:".to_owned());
    match wanted.worker.as_ref().zip(wanted.sha256.as_ref()) {
        Some((url, sha256)) => {
            line(format!("    artifactUrl: {}", quoted(url)));
            line(format!("    artifactSha256: {}", quoted(sha256)));
        }
        None => line("    work: { profile: Sleep, distribution: Exponential, meanMicros: 4000 }".to_owned()),
    }
    line("  load:".to_owned());
    line("    phases:".to_owned());
    line(match wanted.rate {
        Some(rate) => {
            format!("      - {{ arrivals: Poisson, requestsPerSecond: {rate}, durationSeconds: {} }}", wanted.seconds)
        }
        None => format!(
            "      - {{ arrivals: ClosedLoop, concurrency: {}, durationSeconds: {} }}",
            wanted.concurrency, wanted.seconds
        ),
    });
    text
}

/// A YAML scalar that is a string, whatever is in it: every JSON string is one (YAML 1.2.2, section 1.3). Plain words stay plain.
fn quoted(word: &str) -> String {
    let is_plain = word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(|one| one.is_ascii_alphanumeric() || "-./".contains(one))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&word.to_ascii_lowercase().as_str());
    if is_plain { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Verb};

    fn of(words: &str) -> String {
        let words = format!("kubectl-clusterbenchmark new {words}");
        let arguments = Arguments::try_parse_from(words.split(' ')).unwrap();
        let Verb::New(wanted) = &arguments.verb else { panic!("{arguments:?}") };
        manifest(wanted)
    }

    #[test]
    fn it_is_what_a_user_would_write() {
        insta::assert_snapshot!(of("types --cluster 4xt2.micro --cluster big=2xt2.large"), @r"
        # kubectl apply -f this; kubectl clusterbenchmark watch types; kubectl delete -f this
        apiVersion: clusterbench.dev/v1alpha1
        kind: ClusterBenchmark
        metadata:
          name: types
        spec:
          clusters:
            - { name: cluster1, instanceType: t2.micro, count: 4 }
            - { name: big, instanceType: t2.large, count: 2 }
          worker:
            work: { profile: Sleep, distribution: Exponential, meanMicros: 4000 }
          load:
            phases:
              - { arrivals: ClosedLoop, concurrency: 100, durationSeconds: 20 }
        ");
        let own = of(&format!("a --cluster 1xt2.micro --rate 300 --worker https://x/y --sha256 {}", "0".repeat(64)));
        assert!(own.contains("arrivals: Poisson, requestsPerSecond: 300"), "{own}");
        assert!(own.contains("artifactUrl: \"https://x/y\""), "{own}");
    }

    #[test]
    fn no_word_becomes_another_thing() {
        assert_eq!(quoted("on"), "\"on\"");
        assert_eq!(quoted("1e3"), "\"1e3\"");
        assert_eq!(quoted("a: b, c"), "\"a: b, c\"");
        assert_eq!(quoted("t2.micro"), "t2.micro");
    }

    #[test]
    fn every_manifest_is_a_benchmark() {
        for words in ["a --cluster 4xt2.micro", "true --cluster on=1xt2.micro --rate 5 --seconds 3"] {
            let text = of(words);
            let object: api::ClusterBenchmark = serde_norway::from_str(&text).expect(&text);
            assert_eq!(object.spec.clusters[0].instance_type, "t2.micro");
        }
    }
}
