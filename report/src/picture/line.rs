//! Lines of a chart. A line ends where there is a gap, and begins again behind it.

use super::scale::Scale;
use super::xml::{escaped, px};

/// Charts whose lines all have so few points show each of them.
const POINTS_SHOWN: usize = 60;

/// How a line is drawn. Colours tell clusters apart, strokes what the line is of.
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
    pub(super) colour: &'static str,
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
        let (name, colour) = (escaped(&self.name), self.colour);
        let mut svg = format!(
            "<g stroke=\"{colour}\" fill=\"none\"><title>{name}</title>\n<path d=\"{}\" {}/>\n",
            path.join(" "),
            self.stroke.attributes()
        );
        for point in self.marked(shows_points) {
            let (x, y) = (px(x.px(point.at)), px(y.px(point.value)));
            svg += &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2.2\" fill=\"{colour}\" stroke=\"none\"/>\n");
        }
        svg + "</g>\n"
    }

    /// Points that are shown: all of few, and those that stand alone, which no line would show.
    fn marked(&self, shows_points: bool) -> impl Iterator<Item = &Point> {
        let are_shown = shows_points && !self.stroke.is_dotted();
        self.pieces.iter().filter(move |piece| are_shown || piece.len() == 1).flatten()
    }
}
