//! The committed schema is the one of the types.

#[test]
fn the_committed_schema_is_up_to_date() {
    let committed = include_str!("../../docs/report.schema.json");
    assert!(committed.trim_end() == wire::report_schema(), "docs/report.schema.json is stale: run `cargo xtask gen`");
}
