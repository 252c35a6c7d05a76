//! Chart, put together of its parts.

use wire::Series;

use super::axis::{Times, Values};
use super::frame::Frame;
use super::legend::legend;
use super::line::Line;
use super::marks::Marks;
use super::xml::{escaped, px, text};

const WIDTH: f64 = 960.0;
/// Colour of words.
const INK: &str = "#222";

/// Charts of more points show none of them: they would hide the lines.
const MOST_POINTS_SHOWN: usize = 360;

const FRAME: Frame = Frame { left: 76.0, right: WIDTH - 24.0, top: 76.0, bottom: 380.0 };

/// Everything that one picture shows.
pub(super) struct Chart<'a> {
    /// Name for references within the document.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// Said below the title.
    pub(super) subtitle: String,
    /// The picture in words.
    pub(super) description: String,
    pub(super) unit: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) marks: &'a Marks,
    /// Where times count from.
    pub(super) series: &'a Series,
    /// First and last moment, in seconds from the start of the series.
    pub(super) times: (f64, f64),
}

impl Chart<'_> {
    /// Whether no line has a value.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().flat_map(Line::points).next().is_none()
    }

    pub(super) fn svg(&self) -> String {
        let frame = &FRAME;
        let most = self.lines.iter().flat_map(Line::points).map(|point| point.value).fold(0.0, f64::max);
        let values = Values::up_to(most, frame);
        let times = Times::between(self.series, self.times, frame);
        let (legend, height) = legend(&self.lines, frame, frame.bottom + 62.0);
        let height = frame.bottom + 62.0 + height;
        let (id, title, description) = (self.id, escaped(&self.title), escaped(&self.description));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" \
             viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
             <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>\n\
             <rect class=\"paper\" width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n",
            w = px(WIDTH),
            h = px(height),
        );
        svg += &text(frame.left, 26.0, "class=\"heading\" font-size=\"16\" font-weight=\"bold\"", &self.title);
        svg += &text(frame.left, 44.0, "fill=\"#444\"", &self.subtitle);
        svg += &self.marks.svg(&times.scale, (frame.top, frame.bottom));
        svg += &values.svg(self.unit, frame);
        svg += &times.svg(frame);
        let points = self.lines.iter().flat_map(Line::points).count();
        let shows_points = points <= MOST_POINTS_SHOWN && self.lines.iter().all(Line::is_sparse);
        for line in &self.lines {
            svg += &line.svg(&times.scale, &values.scale, shows_points);
        }
        svg + &legend + "</svg>\n"
    }
}
