//! Renderings of a report, a file for each format. Pure: every rendering is a function from the document to text, and
//! says what the document says and nothing else.
//!
//! Knows the document (`wire`) and the statistics (`stats`, for histograms, for sentences and for numbers as people read them);
//! writes to no file and no terminal. Load generator, controller and the plugin, which the lab's demo runs, print with it, so that
//! no format is written twice.

mod capacities;
mod cells;
mod chart;
mod columns;
mod costs;
mod csv;
mod html;
mod lines;
mod markdown;
mod picture;
mod sentences;
mod table;
mod text;
mod ways;

pub use capacities::capacity_so_far;
pub use cells::{p99, requests_per_second};
pub use chart::chart;
pub use columns::Column;
pub use csv::csv;
pub use html::{LiveCluster, LivePage, NotAPage, html, live_page, policy};
pub use markdown::markdown;
pub use picture::{Picture, pictures, queue_pictures};
pub use table::{Side, Table, aligned};
pub use text::{chart_and_text, text};
