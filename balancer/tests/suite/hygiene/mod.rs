//! Raw requests and answers, each with the section of RFC 9110, 9112, 3986 or 7540 that decides it, through a balancer
//! in front of a member that records every byte. In the tables a line break is CR LF; `␊` is a bare LF and `␍` a bare
//! CR.

mod answers;
mod recorder;
mod requests;

#[test]
fn there_are_at_least_a_hundred_and_fifty_rows() {
    let rows = requests::REFUSED.len() + requests::FORWARDED.len() + answers::ROWS.len();
    println!(
        "{} refused, {} forwarded, {} answers",
        requests::REFUSED.len(),
        requests::FORWARDED.len(),
        answers::ROWS.len()
    );
    assert!(rows >= 150, "{rows} rows");
    let sections = requests::REFUSED.iter().map(|row| row.0);
    let sections =
        sections.chain(requests::FORWARDED.iter().map(|row| row.0)).chain(answers::ROWS.iter().map(|row| row.0));
    for section in sections {
        assert!(
            ["9110 ", "9112 ", "3986 ", "7540 ", "own "].iter().any(|source| section.starts_with(source)),
            "{section}"
        );
    }
}

/// The bytes that a table's text stands for.
fn bytes(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").replace('␊', "\n").replace('␍', "\r").into_bytes()
}
