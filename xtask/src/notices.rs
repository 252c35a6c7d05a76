//! `NOTICE`: what is linked into the programs that are deployed or given away, and under which licence.

use crate::programs::Architecture;
use crate::{Outcome, Paths, run};

pub(crate) const FILE: &str = "NOTICE";

/// The packages of the programs that somebody deploys or is given: `queue` is those of front and puller, `cli` is the plugin. The lab
/// runs on the machine it is built on.
const DEPLOYED: [&str; 7] = ["operator", "balancer", "worker", "starter", "queue", "loadgen", "cli"];

/// What they are built for.
const TARGETS: [&str; 2] = [Architecture::X86_64.target(), Architecture::Arm64.target()];

const HEAD: &str = "\
ClusterBenchmark
Licensed under the Apache License, Version 2.0; see LICENSE.

The programs operator, balancer, worker, starter, front, puller and loadgen, and the plugin kubectl-clusterbenchmark, are linked
with the packages below, in the versions that Cargo.lock pins. Which licences are accepted, and why, is in deny.toml. The texts of the
licences are in the packages' sources: at the addresses below, and unpacked in the registry directory of cargo after a build. Who
distributes the programs or the plugin adds them.
Written by `cargo xtask gen`.
";

/// A package that is linked into what is deployed or given away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Linked {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    pub(crate) repository: String,
    /// Whether it is a member of this workspace.
    pub(crate) is_ours: bool,
}

/// The file as it should be. Needs no network where the workspace was built.
pub(crate) fn wanted(paths: &Paths) -> Outcome<String> {
    written(&linked(paths)?)
}

/// Every package that is linked, each once and in order.
pub(crate) fn linked(paths: &Paths) -> Outcome<Vec<Linked>> {
    linked_into(paths, &[])
}

/// The same with what is linked into these packages as well.
pub(crate) fn linked_into(paths: &Paths, more: &[&str]) -> Outcome<Vec<Linked>> {
    let mut arguments =
        vec!["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}\t{l}\t{r}"];
    arguments.extend(DEPLOYED.iter().chain(more).flat_map(|name| ["--package", name]));
    arguments.extend(TARGETS.iter().flat_map(|name| ["--target", name]));
    read(&run::output(&mut run::cargo(paths, &arguments))?)
}

/// The packages of the lines of `cargo tree`. Our own have a path.
fn read(listed: &str) -> Outcome<Vec<Linked>> {
    let mut found = std::collections::BTreeSet::new();
    for line in listed.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let ([package, licence, repository], Some((name, rest))) = (&fields[..], line.split_once(" v")) else {
            return Err(format!("`cargo tree` printed a line of another form: {line}"));
        };
        if licence.is_empty() {
            return Err(format!("{package} names no licence: it cannot be used"));
        }
        // Written with a slash in packages from before expressions were agreed upon.
        let licence = licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
        let version = rest.split([' ', '\t']).next().unwrap_or_default().to_owned();
        let is_ours = package.contains('/');
        found.insert(Linked { name: name.to_owned(), version, licence, repository: (*repository).to_owned(), is_ours });
    }
    Ok(found.into_iter().collect())
}

/// A table of the packages that are not ours.
fn written(linked: &[Linked]) -> Outcome<String> {
    let mut rows = std::collections::BTreeSet::new();
    for one in linked.iter().filter(|one| !one.is_ours) {
        let package = format!("{} {}", one.name, one.version);
        rows.insert(format!("{package:<36} {:<52} {}", one.licence, one.repository).trim_end().to_owned());
    }
    if rows.is_empty() {
        return Err("`cargo tree` named no package that is not ours".to_owned());
    }
    Ok(rows.iter().fold(format!("{HEAD}\n"), |text, row| text + row + "\n"))
}

#[cfg(test)]
mod tests {
    use super::{read, written};

    #[test]
    fn packages_are_listed_once_and_ours_are_not() {
        let text = written(&read("a v1.0.0\tMIT/Apache-2.0\thttps://x\n\nours v0.1.0 (/dir/ours)\tApache-2.0\t\na v1.0.0\tMIT/Apache-2.0\thttps://x (*)\nb v2.0.0\tMIT\t\n").unwrap()).unwrap();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .skip_while(|line| !line.is_empty())
            .skip(1)
            .skip_while(|line| !line.is_empty())
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows, [vec!["a", "1.0.0", "MIT", "OR", "Apache-2.0", "https://x"], vec!["b", "2.0.0", "MIT"]]);
    }

    #[test]
    fn a_package_without_a_licence_is_refused() {
        assert!(read("a v1.0.0\t\thttps://x\n").unwrap_err().contains("names no licence"));
        assert!(read("a v1.0.0 MIT\n").is_err());
        assert!(written(&read("").unwrap()).is_err());
    }
}
