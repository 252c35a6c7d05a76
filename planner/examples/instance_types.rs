//! Prints the types that the policy allows: every size of every family that has a price. `cargo xtask gen` writes them into
//! `docs/iam-policy.json`.

/// Families on a line.
const ON_A_LINE: usize = 12;

fn main() {
    let patterns: Vec<String> = planner::prices::price::families().map(|family| format!("\"{family}.*\"")).collect();
    let lines: Vec<String> =
        patterns.chunks(ON_A_LINE).map(|some| format!("            {}", some.join(", "))).collect();
    println!("[\n{}\n          ]", lines.join(",\n"));
}
