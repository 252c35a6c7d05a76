//! Head of a page: the verdict, what it is about, whether it may be quoted, and what has to be known before.

use stats::Headline;
use wire::{PlaceKind, Report, ThresholdOutcome, Validity};

use super::markup::{Markup, list, paragraph, tag};
use crate::lines;

/// More headlines than this are smaller, and many are smaller still.
const LARGE: usize = 1;
const MEDIUM: usize = 4;

pub(super) fn verdict(report: &Report) -> Markup {
    let parts = stats::parts(report);
    let is_valid = report.validity == Validity::Valid;
    let class = match parts.headlines.len() {
        _ if !is_valid => "bad",
        count if count <= LARGE => "one",
        count if count <= MEDIUM => "several",
        _ => "many",
    };
    let headlines: Markup = parts.headlines.iter().map(headline).collect();
    let cautions = list(if is_valid { "cautions" } else { "reasons" }, &parts.cautions);
    let content = Markup::from([
        paragraph("crumb", &lines::subject(report)),
        tag("h1", &[("class", class)], headlines),
        if is_valid { Markup::default() } else { cautions.clone() },
        paragraph("sub", &parts.rest),
        badges(report),
        if is_valid { cautions } else { Markup::default() },
        thresholds(report),
        list("dim", &lines::voided(report)),
    ]);
    tag("header", &[("class", if is_valid { "valid" } else { "invalid" })], content)
}

fn headline(headline: &Headline) -> Markup {
    let basis = if headline.basis.is_empty() {
        Markup::default()
    } else {
        Markup::from([Markup::from(" "), tag("small", &[], &headline.basis)])
    };
    tag("span", &[], [Markup::from(&headline.claim), basis])
}

fn badges(report: &Report) -> Markup {
    let badge = |class: &str, words: &str| tag("span", &[("class", &format!("badge {class}"))], words);
    let valid = match report.validity {
        Validity::Valid => badge("ok", "\u{2713} valid"),
        Validity::Invalid => badge("bad", "\u{2717} not valid"),
    };
    let place = match report.environment.place.kind {
        PlaceKind::Lab => badge("warn", "\u{26a0} lab"),
        PlaceKind::Aws | PlaceKind::Unknown => Markup::default(),
    };
    tag("p", &[("class", "badges")], [valid, place])
}

fn thresholds(report: &Report) -> Markup {
    let threshold = |result: &wire::ThresholdResult| {
        let (class, sign) = match result.outcome {
            ThresholdOutcome::Met => ("ok", "\u{2713}"),
            ThresholdOutcome::NotMet => ("bad", "\u{2717}"),
            ThresholdOutcome::Undecided => ("warn", "?"),
        };
        let outcome = format!("{sign} {}", lines::outcome(result.outcome));
        tag("li", &[], [tag("b", &[("class", class)], outcome), Markup::from(&result.sentence)])
    };
    if report.thresholds.is_empty() {
        return Markup::default();
    }
    tag("ul", &[("class", "thresholds")], report.thresholds.iter().map(threshold).collect::<Markup>())
}
