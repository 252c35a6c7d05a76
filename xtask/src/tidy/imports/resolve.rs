//! From a path to the file that defines what it names.

use super::modules::{Id, Modules};

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A module itself, not something in it.
    Module(Id),
    /// Something that this module defines.
    Inside(Id),
}

/// Imports may name each other in a ring; deeper than this nobody reads.
const DEEPEST: usize = 32;

/// Follows a path as it is named in module `from`, through re-exports. `None`: it leads out of the crate.
pub(super) fn resolve(modules: &Modules, from: Id, segments: &[String]) -> Option<Place> {
    Resolver { modules }.path(from, segments, 0)
}

struct Resolver<'a> {
    modules: &'a Modules,
}

impl Resolver<'_> {
    fn path(&self, from: Id, segments: &[String], depth: usize) -> Option<Place> {
        if depth > DEEPEST {
            return None;
        }
        let (first, mut rest) = segments.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::Module(self.root(from)),
            "self" => Place::Module(from),
            "super" => Place::Module(self.modules.all[from].parent?),
            name => self.name(from, name, rest.is_empty(), depth)?,
        };
        while let (Place::Module(module), Some((name, behind))) = (place, rest.split_first()) {
            place = match name.as_str() {
                "super" => Place::Module(self.modules.all[module].parent?),
                "*" => return Some(Place::Inside(module)),
                // What cannot be found is made by a macro: of the module, in any case.
                name => self.name(module, name, behind.is_empty(), depth).unwrap_or(Place::Inside(module)),
            };
            rest = behind;
        }
        Some(place)
    }

    /// A name of a module: its own module or item, or what it imports. The last name of a path may be an item that
    /// is called like a module; one in the middle is the module.
    fn name(&self, module: Id, name: &str, is_last: bool, depth: usize) -> Option<Place> {
        let here = &self.modules.all[module];
        let child = here.children.get(name).map(|child| Place::Module(*child));
        let item = here.items.contains(name).then_some(Place::Inside(module));
        let imported = || {
            let path = here.imported.get(name)?;
            // An import does not lead to itself: `use tokio::time` names a crate even where `time` is imported.
            let is_itself = path.first().is_some_and(|first| first == name) && child.is_none();
            if is_itself { None } else { self.path(module, path, depth + 1) }
        };
        let globs = || here.globs.iter().find_map(|glob| self.through(module, glob, name, is_last, depth));
        if is_last { item.or_else(imported).or(child) } else { child.or(item).or_else(imported) }.or_else(globs)
    }

    fn through(&self, module: Id, glob: &[String], name: &str, is_last: bool, depth: usize) -> Option<Place> {
        if depth > DEEPEST {
            return None;
        }
        match self.path(module, glob, depth + 1)? {
            Place::Module(target) if target != module => self.name(target, name, is_last, depth + 1),
            _ => None,
        }
    }

    fn root(&self, mut module: Id) -> Id {
        while let Some(parent) = self.modules.all[module].parent {
            module = parent;
        }
        module
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn leads(from: &str, path: &str) -> Option<String> {
        let tree = Tree::of([
            ("one/src/lib.rs", "mod a;\nmod b;\npub use a::deep::Kept;\npub use b::*;\nuse tokio::time;"),
            ("one/src/a/mod.rs", "pub mod deep;\nmod plan;\npub use plan::plan;\nuse crate::b;"),
            ("one/src/a/deep.rs", "pub struct Kept;\nuse super::*;"),
            ("one/src/a/plan.rs", "pub fn plan() {}"),
            ("one/src/b.rs", "pub enum Choice { A }\npub use crate::a::deep::Kept as Renamed;"),
        ]);
        let modules = Modules::of(&tree, "one");
        let from = modules.all.iter().position(|module| module.file == format!("one/src/{from}")).unwrap();
        let segments: Vec<String> = path.split("::").map(str::to_owned).collect();
        resolve(&modules, from, &segments).map(|place| match place {
            Place::Module(id) => format!("module {}", &modules.all[id].file["one/src/".len()..]),
            Place::Inside(id) => modules.all[id].file["one/src/".len()..].to_owned(),
        })
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines() {
        assert_eq!(leads("b.rs", "crate::Kept").unwrap(), "a/deep.rs");
        assert_eq!(leads("a/plan.rs", "crate::b::Renamed").unwrap(), "a/deep.rs");
        assert_eq!(leads("a/plan.rs", "crate::Choice::A").unwrap(), "b.rs");
        assert_eq!(leads("a/deep.rs", "b::Choice").unwrap(), "b.rs", "by the glob of its parent's names");
    }

    #[test]
    fn an_item_and_a_module_of_one_name_are_told_apart_by_where_they_stand() {
        assert_eq!(leads("b.rs", "crate::a::plan").unwrap(), "a/plan.rs");
        assert_eq!(leads("b.rs", "crate::a::plan::plan").unwrap(), "a/plan.rs");
        assert_eq!(leads("b.rs", "crate::a::deep").unwrap(), "module a/deep.rs");
        assert_eq!(leads("a/plan.rs", "super::super::b").unwrap(), "module b.rs");
    }

    #[test]
    fn what_is_not_of_this_crate_leads_nowhere() {
        assert_eq!(leads("b.rs", "std::fmt::Display"), None);
        assert_eq!(leads("lib.rs", "time::Instant"), None);
    }
}
