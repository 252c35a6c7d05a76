//! Lines of a chart. A line ends where there is a gap, and begins again behind it.

use super::palette::{class, mark, on_white};
use super::scale::Scale;
use super::xml::{escaped, px};

/// Charts whose lines all have so few points show each of them.
const POINTS_SHOWN: usize = 60;
/// Marks along a line that does not show its points, so that it can be told from others without its colour.
const MARKS: usize = 7;

/// How a line is drawn. Colours and marks tell clusters apart, strokes what the line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    DashDotted,
    /// CloudWatch's, one for each of the three above.
    Dotted,
    DottedWide,
    DottedWider,
}

impl Stroke {
    /// Attributes that make it.
    pub(super) fn attributes(self) -> &'static str {
        match self {
            Self::Solid => "stroke-width=\"1.8\"",
            Self::Dashed => "stroke-width=\"1.4\" stroke-dasharray=\"7 4\"",
            Self::DashDotted => "stroke-width=\"1.4\" stroke-dasharray=\"9 3 2 3\"",
            Self::Dotted => "stroke-width=\"3\" stroke-linecap=\"round\" stroke-dasharray=\"0 5\"",
            Self::DottedWide => "stroke-width=\"2.4\" stroke-linecap=\"round\" stroke-dasharray=\"0 8\"",
            Self::DottedWider => "stroke-width=\"2.4\" stroke-linecap=\"round\" stroke-dasharray=\"0 12\"",
        }
    }

    fn is_dotted(self) -> bool {
        matches!(self, Self::Dotted | Self::DottedWide | Self::DottedWider)
    }
}

/// A value at a time, in seconds from the start of the series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
}

/// One line with its name in the legend.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// Place of its cluster, which has a colour and a mark.
    pub(super) place: usize,
    pub(super) stroke: Stroke,
    /// Points without a gap between them.
    pub(super) pieces: Vec<Vec<Point>>,
}

impl Line {
    pub(super) fn points(&self) -> impl Iterator<Item = &Point> {
        self.pieces.iter().flatten()
    }

    /// Whether its points can be shown one by one. CloudWatch's are not: dots are their line.
    pub(super) fn is_sparse(&self) -> bool {
        self.stroke.is_dotted() || self.points().count() <= POINTS_SHOWN
    }

    /// `shows_points`: all lines of the chart show theirs. One that did beside one that does not would look as if it meant
    /// something else.
    pub(super) fn svg(&self, x: &Scale, y: &Scale, shows_points: bool) -> String {
        let mut path = Vec::new();
        for piece in &self.pieces {
            for (index, point) in piece.iter().enumerate() {
                let sign = if index == 0 { 'M' } else { 'L' };
                path.push(format!("{sign}{} {}", px(x.px(point.at)), px(y.px(point.value))));
            }
        }
        if path.is_empty() {
            return String::new();
        }
        let (name, colour, class) = (escaped(&self.name), on_white(self.place), class(self.place));
        let mut svg = format!(
            "<g stroke=\"{colour}\" fill=\"none\"><title>{name}</title>\n<path class=\"line {class}\" d=\"{}\" {}/>\n",
            path.join(" "),
            self.stroke.attributes()
        );
        for point in self.marked(shows_points) {
            svg += &self.mark_at((x.px(point.at), y.px(point.value)), 2.6);
        }
        svg + "</g>\n"
    }

    /// The mark of its cluster.
    fn mark_at(&self, at: (f64, f64), radius: f64) -> String {
        let (d, colour, class) = (mark(self.place, at, radius), on_white(self.place), class(self.place));
        format!("<path class=\"mark {class}\" d=\"{d}\" fill=\"{colour}\" stroke=\"none\"/>\n")
    }

    /// A piece of it for a legend.
    pub(super) fn sample(&self, (x, y): (f64, f64), length: f64) -> String {
        let (colour, class) = (on_white(self.place), class(self.place));
        let piece = format!("M{0} {1} L{2} {1}", px(x), px(y), px(x + length));
        let mark = if self.stroke.is_dotted() { String::new() } else { self.mark_at((x + length / 2.0, y), 3.0) };
        let attributes = self.stroke.attributes();
        format!("<path class=\"line {class}\" d=\"{piece}\" stroke=\"{colour}\" {attributes}/>\n{mark}")
    }

    /// Points that are shown: all of few, of many those that stand alone, which no line would show, and some along the way.
    fn marked(&self, shows_points: bool) -> impl Iterator<Item = &Point> {
        let is_dotted = self.stroke.is_dotted();
        let every = (self.points().count() / MARKS).max(1);
        let numbered = self.pieces.iter().flat_map(|piece| piece.iter().map(move |point| (piece.len(), point)));
        let is_shown = move |(number, (length, _)): &(usize, (usize, &Point))| {
            *length == 1 || (!is_dotted && (shows_points || (number + every / 2).is_multiple_of(every)))
        };
        numbered.enumerate().filter(is_shown).map(|(_, (_, point))| point)
    }
}
