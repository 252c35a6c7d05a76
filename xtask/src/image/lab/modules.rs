//! The modules that are linked into a Go program, as it says itself (`go version -m`).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::image::bill::{Extra, UNKNOWN};
use crate::{Outcome, run};

/// The modules of a program and Go's own library, for a bill of materials.
pub(super) fn of(program: &Path) -> Outcome<Vec<Extra>> {
    let mut command = Command::new("go");
    command.args(["version", "-m"]).arg(program).stdin(Stdio::null());
    read(&run::output(&mut command)?).ok_or_else(|| format!("{} does not say what it is made of", program.display()))
}

/// Lines are `PROGRAM: VERSION`, then words with tabs between them. `=>` is what stands in for the module above it.
fn read(said: &str) -> Option<Vec<Extra>> {
    let go = said.lines().next()?.rsplit_once(": go")?.1;
    let mut found = vec![Extra::of("go", Some(go.to_owned()), "BSD-3-Clause")];
    for line in said.lines().skip(1) {
        match line.trim().split('\t').collect::<Vec<_>>()[..] {
            ["dep", path, version, ..] => found.push(module(path, version)),
            ["=>", path, version, ..] => *found.last_mut()? = module(path, version),
            _ => {}
        }
    }
    (found.len() > 1).then_some(found)
}

fn module(path: &str, version: &str) -> Extra {
    Extra {
        locator: Some(format!("pkg:golang/{path}@{}", version.replace('+', "%2B"))),
        comment: Some("its licence is in the module's own directory, at the address that its path is".to_owned()),
        ..Extra::of(path, Some(version.to_owned()), UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_and_replaced_ones_are_what_replaces_them() {
        let said = "/x/controlplane: go1.26.1\n\tpath\tcontrolplane\n\tmod\tcontrolplane\t(devel)\t\n\
                    \tdep\tgo.etcd.io/etcd/v3\tv3.6.4\th1:a=\n\tdep\tk8s.io/x\tv0.0.0\n\t=>\tk8s.io/y\tv1.0.0+z\th1:b=\n\
                    \tbuild\t-trimpath=true\n";
        let found = read(said).unwrap();
        let names: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.version.as_deref().unwrap())).collect();
        assert_eq!(names, [("go", "1.26.1"), ("go.etcd.io/etcd/v3", "v3.6.4"), ("k8s.io/y", "v1.0.0+z")]);
        assert_eq!(found[2].locator.as_deref(), Some("pkg:golang/k8s.io/y@v1.0.0%2Bz"));
        assert_eq!(read("/bin/true: not a Go executable\n"), None);
        assert_eq!(read(""), None);
    }
}
