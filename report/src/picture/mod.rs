//! Renderings as pictures: the course of a run as SVG, which any browser shows, prints and enlarges.
//!
//! No script, no style sheet, no font and nothing from elsewhere, so that a page with the strictest policy may hold them. Their
//! classes mean nothing in a file of its own; a page gives them its colours, light or dark.
//! Each says in words what it shows (`<title>`, `<desc>`).

mod axis;
mod chart;
mod courses;
mod frame;
mod legend;
mod line;
mod marks;
mod palette;
mod queues;
mod scale;
mod xml;

use wire::{CloudWatch, Report};

use self::chart::Chart;
use self::courses::Courses;
pub(crate) use self::palette::{ON_BLACK, ON_WHITE, class, mark};
pub(crate) use self::scale::Scale;
pub(crate) use self::xml::{escaped, px};

/// File of the picture of what each target gets.
pub(crate) const PER_TARGET: &str = "per-target.svg";

/// A picture as the file that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Name of the file.
    pub file: &'static str,
    /// What it shows.
    pub name: &'static str,
    /// Whether there is anything in it to see.
    pub is_empty: bool,
    /// The document.
    pub svg: String,
}

impl Picture {
    fn of(file: &'static str, name: &'static str, chart: &Chart<'_>) -> Self {
        Self { file, name, is_empty: chart.is_empty(), svg: chart.svg() }
    }
}

/// Requests, requests per target and response times of all clusters over time, by second where the run is shorter than ten
/// minutes and by minute where it is not. With CloudWatch's account its values are dotted over ours.
///
/// `None`: the report has no series to draw.
pub fn pictures(report: &Report, cloud_watch: Option<&CloudWatch>) -> Option<[Picture; 3]> {
    let courses = Courses::of(report, cloud_watch)?;
    Some([
        Picture::of("requests.svg", "Requests over time", &courses.requests()),
        Picture::of(PER_TARGET, "Requests per target over time", &courses.per_target()),
        Picture::of("response-time.svg", "Response times over time", &courses.response_time()),
    ])
}

/// What waited in the queues of all clusters and how many instances worked on it, over time. `None`: nobody looked at a queue.
pub fn queue_pictures(report: &Report) -> Option<[Picture; 2]> {
    let courses = Courses::of_queues(report)?;
    Some([
        Picture::of("queue.svg", "Requests in queues over time", &courses.queue()),
        Picture::of("instances.svg", "Instances over time", &courses.instances()),
    ])
}
