//! Rendering as a page: one file that can be mailed, printed, and opened in ten years.
//!
//! No script, nothing from elsewhere, and a policy that forbids both; light, dark and on paper; colours have a mark beside them, and
//! pictures say in words what they show. What is said comes from `stats` or from the lines that the text has, too.

mod answered;
mod capacity;
mod cluster_keys;
mod cost;
mod course;
mod difference;
mod document;
mod environment;
mod gates;
mod latency;
mod live;
mod markup;
mod plot;
mod rounds;
mod scales;
mod steady;
mod style;
mod totals;
mod verdict;

use wire::{CloudWatch, REPORT_SCHEMA, Report};

pub use self::live::{LiveCluster, LivePage, live_page, policy};

use self::cluster_keys::Keys;
use self::markup::{Markup, list, tag};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum NotAPage {
    /// The numbers of another schema may mean something else.
    #[error(
        "the report has schema {0:?}, and this program reads {REPORT_SCHEMA}: take the program of the version that wrote it"
    )]
    Schema(String),
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The report as a page, with CloudWatch's account beside the generator's where there is one. What an old report lacks is said.
///
/// # Errors
/// A report of another schema.
pub fn html(report: &Report, cloud_watch: Option<&CloudWatch>) -> Result<String, NotAPage> {
    if report.schema != REPORT_SCHEMA {
        return Err(NotAPage::Schema(report.schema.clone()));
    }
    let keys = Keys::of(report);
    let sections = [
        verdict::verdict(report),
        capacity::capacity(report, &keys),
        totals::totals(report, &keys),
        difference::difference(report),
        latency::latency(report, &keys),
        steady::steady(report, &keys),
        course::course(report, cloud_watch),
        answered::answered(report, cloud_watch, &keys),
        cost::cost(report, &keys),
        gates::gates(report),
        environment::environment(report),
        environment::benchmark(report),
        rounds::rounds(report),
    ];
    let asked = report.run.facts.benchmark.as_ref().map(|asked| format!("{}: ", asked.name));
    let title = format!("{}{}", asked.unwrap_or_default(), report.summary);
    let sections = Markup::from(sections);
    let copy = document::copy(report, opened(&title, sections.clone()).len())?;
    let page = opened(&title, Markup::from([sections, footer(report, &copy.left_out)]));
    let document = copy.json;
    Ok(format!("{page}<script type=\"application/json\" id=\"report\">{document}</script>\n</body>\n</html>\n"))
}

/// A page up to the end of what is shown of it; its body is still open.
fn opened(title: &str, main: Markup) -> String {
    format!("<!DOCTYPE html>\n<html lang=\"en\">\n{}<body>\n{}\n", head(title), tag("main", &[], main))
}

fn head(title: &str) -> Markup {
    let sheet = style::sheet();
    let policy = Markup::from(style::policy(&sheet));
    Markup::from([
        Markup::written(format!(
            "<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        )),
        tag("title", &[], title),
        // Ours, and without any name of the report in it.
        Markup::written(format!("\n<style>{sheet}</style>\n</head>\n")),
    ])
}

/// Notes that are about the report itself, and where its numbers are.
fn footer(report: &Report, left_out: &[String]) -> Markup {
    let notes: Vec<String> = report.environment.notes.iter().map(|note| format!("note: {note}")).collect();
    let copy = match left_out {
        [] => "The report itself is in this page as JSON, in the element with the id \"report\".".to_owned(),
        left_out => format!(
            "A shortened copy of the report is in this page as JSON, in the element with the id \"report\", so that the page can be mailed. \
             In the copy {}. What is shown above is of the whole report.",
            left_out.join("; ")
        ),
    };
    let words = format!("{}, seed {}. {copy}", report.schema, report.run.seed);
    tag("footer", &[], [list("notes", &notes), tag("p", &[], words)])
}
