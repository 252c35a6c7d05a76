//! A verdict in parts, for renderings that give them different weight. Nothing is put into words here.

use wire::{Comparison, Report, Validity};

use super::conclude::{NOT_QUOTED, NOT_VALID};
use crate::metric::words;

/// What a verdict says, each part once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What comes first: one for each comparison, or the only one there is.
    pub headlines: Vec<Headline>,
    /// What follows it: what the numbers are about.
    pub rest: String,
    /// What has to be known before it is quoted. Of a run that is not valid: the reasons.
    pub cautions: Vec<String>,
}

/// A sentence, and where what it stands on begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headline {
    /// `cluster2 is faster than cluster1 by 14 % [9, 19]`
    pub claim: String,
    /// `(p50 latency of all requests, 95.2 % interval over 20 rounds).` Empty: there is none.
    pub basis: String,
}

impl Headline {
    fn of(comparison: &Comparison) -> Self {
        let sentence = &comparison.sentence;
        let begins = [format!(" ({}", words(comparison.metric)), " (".to_owned()];
        let at = begins.iter().find_map(|begin| sentence.rfind(begin)).unwrap_or(sentence.len());
        let (claim, basis) = sentence.split_at(at);
        Self { claim: claim.to_owned(), basis: basis.trim_start().to_owned() }
    }

    fn alone(claim: &str) -> Self {
        Self { claim: claim.to_owned(), basis: String::new() }
    }
}

/// The verdict of `report` in its parts. What a former version worded otherwise stays whole, in the rest.
pub fn parts(report: &Report) -> Parts {
    if report.validity == Validity::Invalid {
        return Parts {
            headlines: vec![Headline::alone(NOT_VALID)],
            rest: NOT_QUOTED.to_owned(),
            cautions: report.reasons.clone(),
        };
    }
    let mut rest = report.verdict.clone();
    if report.comparisons.is_empty() {
        let rest = rest.strip_prefix(report.summary.as_str()).unwrap_or(&rest).trim_start_matches(['.', ';', ',', ' ']);
        return Parts {
            headlines: vec![Headline::alone(&report.summary)],
            rest: rest.to_owned(),
            cautions: Vec::new(),
        };
    }
    let mut take = |sentence: &str| rest = rest.replacen(sentence, "", 1);
    let mut cautions: Vec<String> = Vec::new();
    for warning in report.comparisons.iter().flat_map(|comparison| &comparison.warnings) {
        if !cautions.contains(&warning.sentence) {
            take(&format!("Note: {}.", warning.sentence));
            cautions.push(warning.sentence.clone());
        }
    }
    report.comparisons.iter().for_each(|comparison| take(&comparison.sentence));
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    Parts { headlines: report.comparisons.iter().map(Headline::of).collect(), rest, cautions }
}
