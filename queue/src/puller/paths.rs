//! The path that the program is asked at. Pure.

use std::borrow::Cow;
use std::str::FromStr;

/// The cluster's path, and the one at which the program serves what is at and below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    cluster: String,
    program: String,
}

/// A path that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path of a cluster: it must start with '/' and not end with one, such as /cluster1, or be '/' alone"
)]
pub struct InvalidPath(String);

impl FromStr for Paths {
    type Err = InvalidPath;

    /// The path of a cluster whose program serves at the same path, as behind a balancer.
    fn from_str(path: &str) -> Result<Self, InvalidPath> {
        let is_path = path.starts_with('/') && (path.len() == 1 || !path.ends_with('/'));
        if !is_path || path.contains(['?', '#', ' ']) {
            return Err(InvalidPath(path.to_owned()));
        }
        Ok(Self { cluster: path.to_owned(), program: path.to_owned() })
    }
}

impl Paths {
    /// The same cluster with a program that knows nothing of its path, and serves at that of `program`.
    #[must_use]
    pub fn served_at(self, program: Self) -> Self {
        Self { program: program.cluster, ..self }
    }

    /// Path and query at the program, of a request with these at the front.
    pub(super) fn at_the_program<'a>(&self, asked: &'a str) -> Cow<'a, str> {
        if self.cluster == self.program {
            return Cow::Borrowed(asked);
        }
        let prefix = if self.cluster == "/" { "" } else { &self.cluster };
        let Some(rest) = asked.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        else {
            return Cow::Borrowed(asked);
        };
        let base = if self.program == "/" { "" } else { &self.program };
        match (base.is_empty(), rest.starts_with('/')) {
            (true, false) => Cow::Owned(format!("/{rest}")),
            _ => Cow::Owned(format!("{base}{rest}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_passed_on_as_it_is_unless_the_program_serves_elsewhere() {
        let paths =
            |cluster: &str, program: &str| cluster.parse::<Paths>().unwrap().served_at(program.parse().unwrap());
        for (cluster, program, asked, expected) in [
            ("/micro", "/micro", "/micro/x?y=1", "/micro/x?y=1"),
            ("/micro", "/", "/micro", "/"),
            ("/micro", "/", "/micro?work_micros=5", "/?work_micros=5"),
            ("/micro", "/", "/micro/x/y?z", "/x/y?z"),
            ("/micro", "/", "/micro/", "/"),
            ("/micro", "/", "/microscope", "/microscope"),
            ("/micro", "/predict", "/micro", "/predict"),
            ("/micro", "/predict", "/micro/x", "/predict/x"),
            ("/", "/predict", "/x", "/predict/x"),
            ("/", "/predict", "/", "/predict/"),
        ] {
            assert_eq!(paths(cluster, program).at_the_program(asked), expected, "{cluster} {program} {asked}");
        }
        for bad in ["", "micro", "/micro/", "/a?b", "/a b"] {
            assert!(bad.parse::<Paths>().is_err(), "{bad:?}");
        }
    }
}
