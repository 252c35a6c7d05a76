//! Renderings as pictures: the course of a run as SVG, which any browser shows, prints and enlarges.
//!
//! No script, no style sheet, no font and nothing from elsewhere, so that a page with the strictest policy may hold them.
//! Each says in words what it shows (`<title>`, `<desc>`).

mod axis;
mod chart;
mod courses;
mod frame;
mod legend;
mod line;
mod marks;
mod scale;
mod xml;

use wire::{CloudWatch, Report};

use self::courses::Courses;

/// A picture as the file that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Name of the file.
    pub file: &'static str,
    /// The document.
    pub svg: String,
}

/// Requests, requests per target and response times of all clusters over time, by second where the run is shorter than ten
/// minutes and by minute where it is not. With CloudWatch's account its values are dotted over ours.
///
/// `None`: the report has no series to draw.
pub fn pictures(report: &Report, cloud_watch: Option<&CloudWatch>) -> Option<[Picture; 3]> {
    let courses = Courses::of(report, cloud_watch)?;
    Some([
        Picture { file: "requests.svg", svg: courses.requests().svg() },
        Picture { file: "per-target.svg", svg: courses.per_target().svg() },
        Picture { file: "response-time.svg", svg: courses.response_time().svg() },
    ])
}
