//! The modules of a crate: which file holds each, what it defines, what it imports and which paths it names.

use std::collections::{BTreeMap, BTreeSet};

use super::super::tree::Tree;
use super::tokens::{self, Token};

/// An index into [`Modules::all`].
pub(super) type Id = usize;

#[derive(Debug, Default)]
pub(super) struct Module {
    /// Path of the file that holds it; an inline module has that of the one around it.
    pub(super) file: String,
    pub(super) parent: Option<Id>,
    pub(super) children: BTreeMap<String, Id>,
    /// Names of what is defined here, modules apart.
    pub(super) items: BTreeSet<String>,
    /// What a name of an import stands for.
    pub(super) imported: BTreeMap<String, Vec<String>>,
    /// Modules all of whose names are imported: `use a::*`.
    pub(super) globs: Vec<Vec<String>>,
    /// Every path that is named here, with its line; imports are among them.
    pub(super) paths: Vec<Path>,
}

#[derive(Debug)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// `pub use` hands on what others use; that alone is no use.
    pub(super) is_handed_on: bool,
}

#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) all: Vec<Module>,
}

const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

/// What a name of an item stands behind.
const DEFINING: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];

impl Modules {
    /// The modules that are reached from `src/lib.rs` and `src/main.rs` of a crate, tests aside.
    pub(super) fn of(tree: &Tree, name: &str) -> Self {
        let mut modules = Self::default();
        for root in ROOTS {
            let file = format!("{name}/src/{root}");
            if tree.files.contains_key(&file) {
                modules.load(tree, &file, &format!("{name}/src"), None);
            }
        }
        modules
    }

    /// Reads a file and the files of the modules that it declares, which are in `directory`.
    fn load(&mut self, tree: &Tree, file: &str, directory: &str, parent: Option<Id>) -> Id {
        let id = self.add(file, parent);
        let source = tree.files.get(file).map(String::as_str).unwrap_or_default();
        let tokens = tokens::of_product(source);
        for (owner, name, inside) in self.read(&tokens, id) {
            let below = format!("{directory}{inside}/{name}");
            let files = [format!("{below}.rs"), format!("{below}/mod.rs")];
            if let Some(file) = files.iter().find(|file| tree.files.contains_key(*file)) {
                let child = self.load(tree, file, &below, Some(owner));
                self.all[owner].children.insert(name, child);
            }
        }
        id
    }

    fn add(&mut self, file: &str, parent: Option<Id>) -> Id {
        self.all.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.all.len() - 1
    }

    /// Fills the module from its tokens and returns the modules whose files are elsewhere: who declares it, its name,
    /// and the inline modules between the file and it.
    fn read(&mut self, tokens: &[Token<'_>], id: Id) -> Vec<(Id, String, String)> {
        let file = self.all[id].file.clone();
        let mut declared = Vec::new();
        // Inline modules that are open here: the module, the depth of its braces, its path below the file.
        let mut open = vec![(id, 0_usize, String::new())];
        let (mut depth, mut at, mut is_public) = (0_usize, 0, false);
        while let Some(token) = tokens.get(at) {
            let Some((here, floor, inside)) = open.last().cloned() else { break };
            let text = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text);
            match token.text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth = depth.saturating_sub(1);
                    if depth < floor {
                        open.pop();
                    }
                }
                "mod" if depth == floor && text(2) == ";" => declared.push((here, text(1).to_owned(), inside)),
                "mod" if depth == floor && text(2) == "{" => {
                    let child = self.add(&file, Some(here));
                    self.all[here].children.insert(text(1).to_owned(), child);
                    open.push((child, floor + 1, format!("{inside}/{}", text(1))));
                }
                "use" => {
                    at = self.read_use(tokens, at + 1, here, is_public);
                    is_public = false;
                    continue;
                }
                word if depth == floor && DEFINING.contains(&word) => {
                    let name = if text(1) == "!" { text(2) } else { text(1) };
                    self.all[here].items.insert(name.to_owned());
                }
                _ if token.is_name() && text(1) == "::" => {
                    at = self.read_path(tokens, at, here);
                    continue;
                }
                _ => {}
            }
            if token.text == "pub" {
                is_public = true;
            } else if depth == floor && !matches!(token.text, ")" | "crate" | "super" | "in") {
                is_public = false;
            }
            at += 1;
        }
        self.used_as_well(tokens, id);
        declared
    }

    /// A name that is handed on and stands in the file a second time is used there.
    fn used_as_well(&mut self, tokens: &[Token<'_>], id: Id) {
        for path in self.all[id].paths.iter_mut().filter(|path| path.is_handed_on) {
            let times =
                tokens.iter().filter(|token| path.segments.last().is_some_and(|name| name == token.text)).count();
            path.is_handed_on = times == 1;
        }
    }

    /// `a::b::C`, from its first name; returns where the reading goes on.
    fn read_path(&mut self, tokens: &[Token<'_>], mut at: usize, here: Id) -> usize {
        // What follows `>::` or a leading `::` is no path of ours.
        let is_start = at == 0 || tokens[at - 1].text != "::";
        let line = tokens[at].line;
        let mut segments = vec![tokens[at].text.to_owned()];
        at += 1;
        while tokens.get(at).is_some_and(|token| token.text == "::") {
            at += 1;
            let Some(token) = tokens.get(at).filter(|token| token.is_name()) else { break };
            segments.push(token.text.to_owned());
            at += 1;
        }
        if is_start {
            self.all[here].paths.push(Path { segments, line, is_handed_on: false });
        }
        at
    }

    /// The tree of a `use`, up to its `;`; returns where the reading goes on.
    fn read_use(&mut self, tokens: &[Token<'_>], at: usize, here: Id, is_handed_on: bool) -> usize {
        let length = tokens[at..].iter().position(|token| token.text == ";").unwrap_or(tokens.len() - at);
        self.read_branch(&tokens[at..at + length], &[], here, is_handed_on);
        at + length + 1
    }

    fn read_branch(&mut self, tokens: &[Token<'_>], before: &[String], here: Id, is_handed_on: bool) {
        let mut segments = before.to_vec();
        let mut name = None;
        let mut rest = tokens.iter().enumerate();
        while let Some((at, token)) = rest.next() {
            match token.text {
                "::" => {}
                "{" => {
                    for branch in branches(&tokens[at + 1..]) {
                        self.read_branch(branch, &segments, here, is_handed_on);
                    }
                    return;
                }
                "*" => {
                    self.all[here].globs.push(segments.clone());
                    self.all[here].paths.push(Path {
                        segments: [segments, vec!["*".to_owned()]].concat(),
                        line: token.line,
                        is_handed_on,
                    });
                    return;
                }
                "as" => name = rest.next().map(|(_, token)| token.text.to_owned()),
                "self" if !segments.is_empty() => {}
                text => segments.push(text.to_owned()),
            }
        }
        let Some(last) = segments.last().cloned() else { return };
        let line = tokens.first().map_or(0, |token| token.line);
        self.all[here].imported.insert(name.unwrap_or(last), segments.clone());
        self.all[here].paths.push(Path { segments, line, is_handed_on });
    }
}

/// What stands between the commas of `{a, b::{c, d}}`, whose opening brace was read.
fn branches<'a, 'b>(tokens: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" if depth > 0 => depth -= 1,
            "," | "}" if depth == 0 => {
                found.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if token.text == "}" && start == at + 1 {
            break;
        }
    }
    found.retain(|branch| !branch.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(module: &Module) -> Vec<String> {
        module.paths.iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_tree_of_imports_becomes_paths() {
        let source = "use crate::a::{self, b::{C, D as E}, f::*};\npub use super::g::H;\nuse i::J as _;";
        let modules = Modules::of(&Tree::of([("one/src/lib.rs", source)]), "one");
        let module = &modules.all[0];
        assert_eq!(
            paths(module),
            ["crate::a", "crate::a::b::C", "crate::a::b::D", "crate::a::f::*", "super::g::H", "i::J"]
        );
        assert_eq!(
            module.paths.iter().map(|path| path.is_handed_on).collect::<Vec<_>>(),
            [false, false, false, false, true, false]
        );
        assert_eq!(module.imported["E"], ["crate", "a", "b", "D"]);
        assert_eq!(module.globs, [["crate", "a", "f"]]);
    }

    #[test]
    fn modules_are_found_in_both_forms_of_file_and_inline() {
        let tree = Tree::of([
            ("one/src/lib.rs", "mod a;\npub(crate) mod b;\nmod c { mod d; pub struct E; }\n#[cfg(test)] mod tests;"),
            ("one/src/a.rs", "mod f;"),
            ("one/src/a/f.rs", ""),
            ("one/src/b/mod.rs", "fn g() { fn h() {} }\nconst fn i() {}\npub static J: u8 = 0;"),
            ("one/src/c/d.rs", ""),
            ("one/src/tests.rs", ""),
            ("one/src/nobody.rs", ""),
        ]);
        let modules = Modules::of(&tree, "one");
        let files: Vec<&str> = modules.all.iter().map(|module| module.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "one/src/lib.rs",
                "one/src/lib.rs",
                "one/src/a.rs",
                "one/src/a/f.rs",
                "one/src/b/mod.rs",
                "one/src/c/d.rs"
            ]
        );
        assert!(modules.all[1].items.contains("E"));
        let items = &modules.all[4].items;
        assert!(["g", "i", "J"].iter().all(|name| items.contains(*name)) && !items.contains("h"), "{items:?}");
    }

    #[test]
    fn paths_are_read_wherever_they_stand() {
        let source = "fn a(b: &crate::c::D) -> Vec<super::E> { f::g::<crate::h::I>(b) } pub(in crate::j) struct K;";
        let modules = Modules::of(&Tree::of([("one/src/lib.rs", source)]), "one");
        assert_eq!(paths(&modules.all[0]), ["crate::c::D", "super::E", "f::g", "crate::h::I", "crate::j"]);
    }
}
