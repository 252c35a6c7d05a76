//! The run over time: the pictures that also are files, in the colours of the page.

use wire::{CloudWatch, Report};

use super::markup::{Markup, paragraph, scrolled, section};
use crate::costs::lasted;
use crate::picture::{PER_TARGET, Picture, pictures, queue_pictures};

const NAMESPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// Most seconds of a shorter run are not whole, and a line through them looks like a load that rises and falls.
const SHORTEST_SECONDS: i64 = 10;

pub(super) fn course(report: &Report, cloud_watch: Option<&CloudWatch>) -> Markup {
    let seconds = report.finished_at.duration_since(report.started_at).as_secs();
    let is_long = seconds >= SHORTEST_SECONDS || cloud_watch.is_some();
    let load = pictures(report, cloud_watch).into_iter().flatten().filter(|_| is_long);
    let queues = queue_pictures(report).into_iter().flatten();
    // What a target gets is what CloudWatch counts; without its account the picture says nothing that the first does not.
    let says_more = |picture: &Picture| !picture.is_empty && (cloud_watch.is_some() || picture.file != PER_TARGET);
    // Within a page SVG needs no namespace.
    let shown = |picture: Picture| scrolled(picture.name, Markup::written(picture.svg.replacen(NAMESPACE, "", 1)));
    let short = format!("The run took {}: too short for pictures by the second.", lasted(seconds.unsigned_abs()));
    let short = if is_long { Markup::default() } else { paragraph("dim", &short) };
    section("Over time", [short, load.chain(queues).filter(says_more).map(shown).collect::<Markup>()])
}
