//! Colours of clusters, each with a mark beside it: who does not tell two colours apart tells a square from a circle.

use super::xml::px;

/// On white, each with a contrast of at least 4.5 (WCAG 2.2, 1.4.3), so that a name may be written in it. The first are those of
/// Okabe and Ito, darkened; the others follow Paul Tol's "muted".
pub(crate) const ON_WHITE: [&str; 15] = [
    "#0072b2", "#b84a00", "#00795a", "#a0447f", "#7a6200", "#4b5a9c", "#8a2b2b", "#332288", "#117733", "#882255",
    "#66661a", "#9b3b8c", "#1f756b", "#b03a4e", "#2b658c",
];

/// The same on nearly black.
pub(crate) const ON_BLACK: [&str; 15] = [
    "#56b4e9", "#f08c42", "#3cc79a", "#e08cc0", "#dcc44c", "#9aa8f0", "#f19a9a", "#b9a7ff", "#7bd88f", "#ff9ac1",
    "#c9cf6a", "#e79be0", "#6fd6c8", "#ff9aa8", "#8fd0f5",
];

/// Colour of a cluster on white, by its place.
pub(crate) fn on_white(place: usize) -> &'static str {
    ON_WHITE[place % ON_WHITE.len()]
}

/// Class of a cluster's colour in a page.
pub(crate) fn class(place: usize) -> String {
    format!("c{}", place % ON_WHITE.len())
}

/// Mark of a cluster around a point, as the `d` of a path: circle, square, diamond, triangles, cross. With 15 colours no two of 30
/// clusters look alike.
pub(crate) fn mark(place: usize, (x, y): (f64, f64), radius: f64) -> String {
    let r = radius;
    let polygon = |points: &[(f64, f64)]| {
        let points: Vec<String> =
            points.iter().map(|(dx, dy)| format!("{} {}", px(x + dx * r), px(y + dy * r))).collect();
        format!("M{}Z", points.join("L"))
    };
    match place % 6 {
        0 => format!("M{0} {1}a{2} {2} 0 1 0 {3} 0a{2} {2} 0 1 0 -{3} 0Z", px(x - r), px(y), px(r), px(2.0 * r)),
        1 => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
        3 => polygon(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)]),
        4 => polygon(&[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)]),
        _ => polygon(&[
            (-0.4, -1.2),
            (0.4, -1.2),
            (0.4, -0.4),
            (1.2, -0.4),
            (1.2, 0.4),
            (0.4, 0.4),
            (0.4, 1.2),
            (-0.4, 1.2),
            (-0.4, 0.4),
            (-1.2, 0.4),
            (-1.2, -0.4),
            (-0.4, -0.4),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_colour_can_be_read_on_its_paper() {
        let contrast = |one: &str, other: &str| {
            let (one, other) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for (colours, paper) in [(ON_WHITE, "#ffffff"), (ON_BLACK, "#14171a")] {
            for colour in colours {
                assert!(contrast(colour, paper) >= 4.5, "{colour} on {paper}: {:.2}", contrast(colour, paper));
            }
            assert_eq!(colours.iter().collect::<std::collections::BTreeSet<_>>().len(), 15);
        }
        let looks: std::collections::BTreeSet<_> =
            (0..30).map(|place| (class(place), mark(place, (0.0, 0.0), 4.0))).collect();
        assert_eq!(looks.len(), 30);
    }
}
