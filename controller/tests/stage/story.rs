//! The story of a play, line by line: times as seconds since the start, ids replaced by numbers in the order in which they
//! appear, so that two plays of one script tell one story.

use cloudsim::StoryLine;
use jiff::Timestamp;

/// The simulation's story, with the notes of the play in between.
pub(crate) fn tell(lines: &[StoryLine], notes: &[(Timestamp, String)], epoch: i64) -> String {
    let told = lines.iter().map(|line| (line.at, line.what.as_str(), false));
    let noted = notes.iter().map(|(at, what)| (*at, what.as_str(), true));
    let mut all: Vec<_> = told.chain(noted).collect();
    all.sort_by_key(|(at, ..)| *at);
    let mut names = Names::default();
    all.iter()
        .map(|(at, what, is_note)| {
            let mark = if *is_note { "- " } else { "" };
            format!("{:>4}s  {mark}{}\n", at.as_second() - epoch, names.replaced(what))
        })
        .collect()
}

#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn replaced(&mut self, what: &str) -> String {
        let words: Vec<String> = what.split(' ').map(|word| self.word(word)).collect();
        words.join(" ")
    }

    fn word(&mut self, word: &str) -> String {
        let bare = word.trim_end_matches([',', ':', ')']).trim_start_matches('(');
        let is_name = bare.starts_with("i-") || bare.starts_with("sg-") || bare.starts_with("eni-") || bare.len() == 52;
        if !is_name {
            return word.to_owned();
        }
        let index = self.0.iter().position(|name| name == bare).unwrap_or_else(|| {
            self.0.push(bare.to_owned());
            self.0.len() - 1
        });
        let kind = bare.split('-').next().filter(|kind| kind.len() < 4).unwrap_or("token");
        word.replace(bare, &format!("{kind}#{index}"))
    }
}
