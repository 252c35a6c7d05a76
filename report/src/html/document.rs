//! The report itself inside of its page, as JSON that no browser runs: who gets the page has the numbers as well.

use wire::Report;

/// Longest page of a small report, and of any: more would not be mailed.
const SMALL_BYTES: usize = 290_000;
const LARGE_BYTES: usize = 980_000;
/// Clusters in rounds up to which a report is small, and bytes that each one more may take.
const SMALL_VISITS: usize = 80;
const BYTES_OF_A_VISIT: usize = 1_500;
/// What is left for the document when the page is long already.
const LEAST_BYTES: usize = 24_000;

/// The report as a page holds it.
pub(super) struct Copy {
    /// The document as it may stand in a `script` element.
    pub(super) json: String,
    /// What was given up so that the page does not become too long.
    pub(super) left_out: Vec<String>,
}

/// The copy in what is left of the page's length beside `taken` bytes. Details are given up as in a report that is stored, and its
/// notes say which.
///
/// # Errors
/// None that can happen with a report of ours.
pub(super) fn copy(report: &Report, taken: usize) -> Result<Copy, serde_json::Error> {
    let visits: usize = report.rounds.iter().map(|round| round.clusters.len()).sum();
    let most = (SMALL_BYTES + visits.saturating_sub(SMALL_VISITS) * BYTES_OF_A_VISIT).min(LARGE_BYTES);
    let (bytes, notes) = stats::document_within(report.clone(), most.saturating_sub(taken).max(LEAST_BYTES))?;
    // What is too long here is the page.
    let left_out = notes.iter().map(|note| note.trim_end_matches(stats::TOO_LONG).to_owned()).collect();
    Ok(Copy { json: harmless(&String::from_utf8_lossy(&bytes)), left_out })
}

/// The same JSON without anything that ends a `script` element or begins a comment in it (HTML, 4.12.1.3): `<` stands only within
/// strings, where it has another spelling. So have the two line ends of Unicode that old scripts take for theirs.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_ends_the_element_and_it_stays_the_same_document() {
        let text = "{\"a\":\"</script><!--<script>\u{2028}\"}";
        let safe = harmless(text);
        assert!(!safe.contains('<') && !safe.contains('\u{2028}'), "{safe}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&safe), read(text));
    }
}
