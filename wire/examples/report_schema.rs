//! Prints docs/report.schema.json.

fn main() {
    println!("{}", wire::report_schema());
}
