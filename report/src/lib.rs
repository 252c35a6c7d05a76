//! Renderings of a report, a file for each format. Pure: every rendering is a function from the document to text, and
//! says what the document says and nothing else.
//!
//! Knows the document (`wire`) and the statistics (`stats`, for histograms and for numbers as people read them); writes to
//! no file and no terminal. Load generator, controller and the lab's demo print with it, so that no format is written
//! twice.

mod cells;
mod chart;
mod columns;
mod costs;
mod csv;
mod picture;
mod table;
mod text;

pub use cells::{p99, requests_per_second};
pub use chart::chart;
pub use columns::Column;
pub use csv::csv;
pub use picture::{Picture, pictures};
pub use table::{Side, Table, aligned};
pub use text::text;
use wire::Report;

/// Rendering for a terminal: how the response times of each cluster are spread, then the report in words.
pub fn chart_and_text(report: &Report) -> String {
    chart(report) + &text(report)
}
