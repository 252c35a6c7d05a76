//! Style sheet of a page: the file beside this one, colours of clusters for both papers, and paper itself.

use data_encoding::{BASE64, HEXLOWER};

use crate::picture::{ON_BLACK, ON_WHITE};

const SHEET: &str = include_str!("style.css");

/// Other values of the sheet's variables on a dark screen.
const DARK: &str = "--bg:#14171a;--ink:#e9ecef;--dim:#a5aeb8;--line:#2f363d;--soft:#1c2125;--band:#262c32;--ok:#5fd08f;--bad:#ff8f86;--warn:#f0b84c;--accent:#56b4e9;--tint:#1f4054";

/// On paper: what is folded is printed, nothing scrolls, and pages break between sections.
const PRINT: &str = "body,.sub,.dim,.dim li,h1 small,h1.several small,h1.many small,.crumb,.reasons,.cautions,.thresholds,dl,footer,td.about{font-size:11px}\
    h1{font-size:20px}h2{font-size:14px}h3,.keys,.badge,summary{font-size:12px}.keys{break-after:avoid}main{max-width:none;padding:0}section{margin-top:18px}\
    table{font-size:10px}td,th{padding:2px 5px;white-space:normal}.small td,.small th{font-size:8.5px;padding:1px 4px}thead{display:table-header-group}\
    tr{break-inside:avoid}table.long{break-inside:auto}svg.plot,.picture{max-height:8cm}.scroll{overflow:visible}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    summary{list-style:none}details::details-content{content-visibility:visible;display:block}@page{margin:14mm}";

/// The style sheet.
pub(super) fn sheet() -> String {
    let colours = |colours: &[&str]| -> String {
        colours.iter().enumerate().map(|(place, colour)| format!("--k{place}:{colour};")).collect()
    };
    let classes: String = (0..ON_WHITE.len()).map(|place| format!(".c{place}{{--k:var(--k{place})}}")).collect();
    let (light, dark) = (colours(&ON_WHITE), colours(&ON_BLACK));
    format!(
        "{SHEET}:root{{{light}}}{classes}\n@media screen and (prefers-color-scheme:dark){{:root{{{DARK};{dark}}}}}\n\
         @media print{{:root{{color-scheme:light}}{PRINT}}}\n"
    )
}

/// Policy of a page with this sheet: nothing from elsewhere, no script, no form.
pub(super) fn policy(sheet: &str) -> String {
    format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'", source(sheet))
}

/// Source of the sheet as a policy names it (CSP level 3, section 2.3.1): by its hash, so that no other style counts.
fn source(sheet: &str) -> String {
    // Both are of this program: hexadecimal digits are decoded always.
    let hash = HEXLOWER.decode(wire::sha256_hex(sheet.as_bytes()).as_bytes()).unwrap_or_default();
    format!("'sha256-{}'", BASE64.encode(&hash))
}
