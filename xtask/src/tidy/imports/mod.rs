//! No circle of imports: neither between the files of a crate, nor between the directories and files side by side in one.
//!
//! An arrow from one file to another is a path in it (`use crate::a::B`, `super::c()`, `d::E` where `d` is imported or
//! declared) that leads to something that the other one defines; a re-export is followed to the file behind it. Code
//! for tests has no arrows, and neither has what a file hands on by `pub use` and does not use.
//!
//! One kind of arrow is aside: from a file to the one that declares it as its module, or that declares the one that
//! does, and so on. A child that uses a type of its parent, or implements methods of it, is a part of the parent in a
//! file of its own, and Rust code is read that way. Two children that use each other are a circle.
//!
//! Beside that, in each directory the entries (a file, or a directory with all below it and the file of its name) may
//! not lead to each other in a ring; the directory's own `mod.rs`, `lib.rs` or `main.rs` is the parent of all of them.

mod circles;
mod modules;
mod resolve;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::manifest::Crate;
use super::tree::Tree;
use circles::{Circle, Graph};
use modules::Modules;
use resolve::Place;

/// Crates that still have circles. The way is out of this list.
const NOT_YET: [&str; 3] = ["api", "balancer", "loadgen"];

/// What says that one file needs another: the first such path, and its line.
type Why = (usize, String);

/// The arrows of one crate. Files are named from its `src` on.
struct Imports {
    name: String,
    files: BTreeSet<String>,
    arrows: BTreeMap<(String, String), Why>,
    /// From a file to those that declare it, directly or through others.
    to_parents: BTreeSet<(String, String)>,
}

pub(super) fn findings(tree: &Tree, crates: &[Crate]) -> Vec<Finding> {
    let held = crates.iter().filter(|one| !NOT_YET.contains(&one.name.as_str()));
    held.flat_map(|one| Imports::of(tree, &one.name).findings()).collect()
}

/// For each crate its circles in words, in numbers first.
pub(super) fn report(tree: &Tree, crates: &[Crate]) -> String {
    let all: Vec<Imports> = crates.iter().map(|one| Imports::of(tree, &one.name)).collect();
    let mut text = "crate        files  circles  files in them  of directories  with parents\n".to_owned();
    for one in &all {
        let files = circles::circles(&one.graph(false));
        let inside: usize = files.iter().map(|circle| circle.all.len()).sum();
        let (directories, with_parents) = (one.between_directories().len(), circles::circles(&one.graph(true)).len());
        text += &format!(
            "{:<12} {:>5}  {:>7}  {inside:>13}  {directories:>14}  {with_parents:>12}\n",
            one.name,
            one.files.len(),
            files.len()
        );
    }
    for finding in all.iter().flat_map(Imports::findings) {
        text += &format!("{finding}\n");
    }
    text
}

impl Imports {
    fn of(tree: &Tree, name: &str) -> Self {
        let modules = Modules::of(tree, name);
        let source = format!("{name}/src/");
        let short = |file: &str| file.strip_prefix(&source).unwrap_or(file).to_owned();
        let mut imports = Self {
            name: name.to_owned(),
            files: modules.all.iter().map(|module| short(&module.file)).collect(),
            arrows: BTreeMap::new(),
            to_parents: BTreeSet::new(),
        };
        for (id, module) in modules.all.iter().enumerate() {
            let from = short(&module.file);
            let parents = std::iter::successors(module.parent, |parent| modules.all[*parent].parent);
            imports.to_parents.extend(parents.map(|parent| (from.clone(), short(&modules.all[parent].file))));
            for path in module.paths.iter().filter(|path| !path.is_handed_on) {
                // A module that is only named says nothing: what of it is used is named elsewhere.
                let Some(Place::Inside(target)) = resolve::resolve(&modules, id, &path.segments) else { continue };
                let to = short(&modules.all[target].file);
                if from != to {
                    let why = (path.line, path.segments.join("::"));
                    imports.arrows.entry((from.clone(), to)).or_insert(why);
                }
            }
        }
        imports
    }

    /// The arrows between files, those to parents aside or not.
    fn graph(&self, with_parents: bool) -> Graph<'_, &Why> {
        let mut graph: Graph<'_, &Why> = self.files.iter().map(|file| (file.as_str(), BTreeMap::new())).collect();
        for (arrow, why) in &self.arrows {
            if with_parents || !self.to_parents.contains(arrow) {
                graph.entry(&arrow.0).or_default().insert(&arrow.1, why);
            }
        }
        graph
    }

    /// Circles of the entries of each directory, with the directory (`""` is `src`), where one of them is a directory.
    fn between_directories(&self) -> Vec<(&str, Circle<'_>)> {
        let parents = self.files.iter().flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at]));
        let directories: BTreeSet<&str> = parents.chain([""]).collect();
        let is_directory = |directory: &str, entry: &str| directories.contains(below(directory, entry).as_str());
        let mut found = Vec::new();
        for directory in &directories {
            let mut graph: Graph<'_, ()> = Graph::new();
            for arrow in self.arrows.keys().filter(|arrow| !self.to_parents.contains(*arrow)) {
                let (Some(from), Some(to)) = (entry(directory, &arrow.0), entry(directory, &arrow.1)) else { continue };
                graph.entry(to).or_default();
                if from != to {
                    graph.entry(from).or_default().insert(to, ());
                }
            }
            let circles = circles::circles(&graph).into_iter();
            let of_directories = circles.filter(|circle| circle.all.iter().any(|entry| is_directory(directory, entry)));
            found.extend(of_directories.map(|circle| (*directory, circle)));
        }
        found
    }

    fn findings(&self) -> Vec<Finding> {
        let graph = self.graph(false);
        let files = circles::circles(&graph).into_iter().map(|circle| {
            let named = steps(&circle.ring).map(|(from, to)| {
                let why = graph.get(from).and_then(|next| next.get(to));
                why.map_or_else(|| to.to_owned(), |(line, path)| format!("{to} (line {line}: {path})"))
            });
            self.finding("", "files", &circle, named.collect::<Vec<_>>().join(" -> "))
        });
        let directories = self.between_directories().into_iter().map(|(directory, circle)| {
            let named = steps(&circle.ring).map(|(from, to)| {
                let is_of = |arrow: &&(String, String)| {
                    let ends = (entry(directory, &arrow.0), entry(directory, &arrow.1));
                    ends == (Some(from), Some(to)) && !self.to_parents.contains(*arrow)
                };
                let why = self.arrows.keys().find(is_of);
                why.map_or_else(|| to.to_owned(), |(from, target)| format!("{to} ({from} uses {target})"))
            });
            self.finding(directory, "directories", &circle, named.collect::<Vec<_>>().join(" -> "))
        });
        files.chain(directories).collect()
    }

    fn finding(&self, directory: &str, what: &str, circle: &Circle<'_>, way: String) -> Finding {
        let first = circle.ring.first().copied().unwrap_or_default();
        let all = circle.all.iter().copied().collect::<Vec<_>>().join(", ");
        let size = circle.all.len();
        let whole = if size > circle.ring.len() { format!("; all of it: {all}") } else { String::new() };
        let place = [&self.name, "src", directory].join("/");
        Finding::new(
            place.trim_end_matches('/'),
            format!(
                "a circle of {size} {what}: {first} -> {way}{whole}; move what both sides need to a place below both"
            ),
        )
    }
}

/// Each step of a ring, the last one back to its first.
fn steps<'a, 'b>(ring: &'b [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> + 'b {
    ring.iter().enumerate().map(|(at, from)| (*from, ring[(at + 1) % ring.len()]))
}

/// The entry of `directory` that a file belongs to: `a` for `a.rs`, `a/mod.rs` and `a/b.rs`. `None`: it is not in there,
/// or it is the directory's own file.
fn entry<'a>(directory: &str, file: &'a str) -> Option<&'a str> {
    let rest = if directory.is_empty() { file } else { file.strip_prefix(directory)?.strip_prefix('/')? };
    if matches!(rest, "mod.rs" | "lib.rs" | "main.rs") {
        return None;
    }
    rest.split('/').next().map(|name| name.strip_suffix(".rs").unwrap_or(name))
}

fn below(directory: &str, entry: &str) -> String {
    if directory.is_empty() { entry.to_owned() } else { format!("{directory}/{entry}") }
}

#[cfg(test)]
mod tests;
