//! Legend of a chart: a piece of each line with its name, in as many rows as they need. A cluster with several lines has rows
//! of its own.

use super::frame::Frame;
use super::line::Line;
use super::xml::text;

const ROW: f64 = 18.0;
const SAMPLE: f64 = 28.0;
const GAP: f64 = 18.0;
/// Letters of no font are known here: somewhat wider than the mean one of a sans-serif at 12 pixels.
const PIXELS_PER_LETTER: f64 = 6.8;

/// The legend as SVG, and how high it is.
pub(super) fn legend(lines: &[Line], frame: &Frame, top: f64) -> (String, f64) {
    let (mut x, mut y) = (frame.left, top);
    let mut svg = String::new();
    let has_groups = lines.windows(2).any(|two| two[0].place == two[1].place);
    let mut place = None;
    for line in lines {
        let width = SAMPLE + 6.0 + PIXELS_PER_LETTER * line.name.chars().count() as f64;
        let is_other = has_groups && place.replace(line.place).is_some_and(|before| before != line.place);
        if x > frame.left && (is_other || x + width > frame.right) {
            (x, y) = (frame.left, y + ROW);
        }
        svg += &line.sample((x, y - 4.0), SAMPLE);
        svg += &text(x + SAMPLE + 6.0, y, "", &line.name);
        x += width + GAP;
    }
    (svg, y - top + ROW)
}
