use super::*;

/// What is found in a crate `one` of these files, whose names begin below its `src`.
fn found<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    let files = files.map(|(path, text)| (format!("one/src/{path}"), text.to_owned()));
    let tree = Tree { files: files.into(), ..Tree::default() };
    Imports::of(&tree, "one").findings().iter().map(Finding::to_string).collect()
}

const WAY_OUT: &str = "; move what both sides need to a place below both";

#[test]
fn a_ring_of_files_is_named_with_the_lines_that_make_it() {
    let found = found([
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "\nuse super::c;\npub struct B(c::C);"),
        ("c.rs", "pub struct C;\nfn f() { crate::A(todo()) }"),
    ]);
    let ring = "a.rs -> b.rs (line 1: crate::b::B) -> c.rs (line 3: c::C) -> a.rs (line 2: crate::A)";
    assert_eq!(found, [format!("one/src: a circle of 3 files: {ring}{WAY_OUT}")]);
}

#[test]
fn without_the_last_arrow_it_is_none() {
    let found = found([
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "use super::c;\npub struct B(c::C);\n#[cfg(test)] mod tests { use crate::A; }"),
        ("c.rs", "pub struct C; // crate::A\nconst TEXT: &str = \"crate::A\";"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_child_and_its_parent_are_no_circle_and_two_children_are() {
    let parent = "mod call; mod fault;\npub struct Sim { fault: fault::Fault }\nfn f() { call::g() }";
    let call = "use super::Sim;\nimpl Sim { fn call(&self) {} }\npub fn g() {}";
    let harmless = found([
        ("lib.rs", "mod sim;"),
        ("sim/mod.rs", parent),
        ("sim/call.rs", call),
        ("sim/fault.rs", "use super::Sim;\nuse super::call::g;\npub struct Fault;"),
    ]);
    assert_eq!(harmless, [""; 0]);
    let circle = found([
        ("lib.rs", "mod sim;"),
        ("sim/mod.rs", parent),
        ("sim/call.rs", &format!("use super::fault::Fault;\n{call}")),
        ("sim/fault.rs", "use super::Sim;\nuse super::call::g;\npub struct Fault;"),
    ]);
    let ring = "sim/call.rs -> sim/fault.rs (line 1: super::fault::Fault) -> sim/call.rs (line 2: super::call::g)";
    assert_eq!(circle, [format!("one/src: a circle of 2 files: {ring}{WAY_OUT}")]);
}

#[test]
fn directories_that_need_each_other_are_a_circle_though_no_two_files_do() {
    let files = |last: &'static str| {
        [
            ("lib.rs", "mod plan; mod world;"),
            ("plan/mod.rs", "pub mod goal; pub mod draft;"),
            ("plan/goal.rs", "use crate::world::facet::Facet;\npub struct Goal(Facet);"),
            ("plan/draft.rs", "pub struct Draft;"),
            ("world/mod.rs", "pub mod facet; pub mod memory;"),
            ("world/facet.rs", "pub struct Facet;"),
            ("world/memory.rs", last),
        ]
    };
    assert_eq!(found(files("use super::facet::Facet;\npub struct Memory(Facet);")), [""; 0]);
    let ring = "plan -> world (plan/goal.rs uses world/facet.rs) -> plan (world/memory.rs uses plan/draft.rs)";
    assert_eq!(
        found(files("use crate::plan::draft::Draft;\npub struct Memory(Draft);")),
        [format!("one/src: a circle of 2 directories: {ring}{WAY_OUT}")]
    );
}

#[test]
fn a_circle_inside_a_directory_is_found_there() {
    let found = found([
        ("lib.rs", "mod plan;"),
        ("plan/mod.rs", "pub mod pools; pub mod goal;"),
        ("plan/pools/mod.rs", "pub mod role;"),
        ("plan/pools/role.rs", "use crate::plan::goal::Goal;\npub struct Role;"),
        ("plan/goal.rs", "use super::pools::role;\npub struct Goal;\nfn f(_: role::Role) {}"),
    ]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("one/src: a circle of 2 files: plan/goal.rs -> plan/pools/role.rs"), "{found:?}");
    assert!(found[1].starts_with("one/src/plan: a circle of 2 directories: goal -> pools"), "{found:?}");
}

#[test]
fn what_is_handed_on_is_used_only_if_it_is_named_again() {
    let with = |front: &'static str| {
        found([
            ("lib.rs", "mod front; mod deep;"),
            ("front.rs", front),
            ("deep.rs", "pub struct Kept;\nfn f() { crate::front::g() }"),
        ])
        .len()
    };
    assert_eq!(with("pub use crate::deep::Kept;\npub fn g() {}"), 0);
    assert_eq!(with("pub use crate::deep::Kept;\npub fn g() -> Kept { Kept }"), 1);
}

#[test]
fn the_report_counts_circles_of_each_crate() {
    let tree = Tree::of([
        ("one/Cargo.toml", "[package]\nname = \"one\"\n"),
        ("one/src/lib.rs", "mod a; mod b;"),
        ("one/src/a.rs", "use crate::b::B; pub struct A;"),
        ("one/src/b.rs", "use crate::a::A; pub struct B;"),
    ]);
    let report = report(&tree, &super::super::manifest::crates(&tree));
    let row: Vec<&str> = report.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["one", "3", "1", "2", "0", "1"], "{report}");
}
