//! Percentages of one statement, printed with the fewest decimals that keep their meaning.

pub(crate) struct Percents {
    decimals: usize,
}

impl Percents {
    /// Whole percents, unless one of `numbers` other than zero would then print as zero; at most two decimals.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let vanishes = |decimals: usize| {
            let unit = 10f64.powi(decimals as i32);
            numbers.iter().any(|number| *number != 0.0 && (number * unit).round() == 0.0)
        };
        Self { decimals: (0..2).find(|decimals| !vanishes(*decimals)).unwrap_or(2) }
    }

    pub(crate) fn one(&self, number: f64) -> String {
        let text = format!("{number:.*}", self.decimals);
        // A bound that rounds to zero has no side.
        if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }

    /// `[-5, 6]`
    pub(crate) fn bracket(&self, bounds: [f64; 2]) -> String {
        let [low, high] = bounds.map(|bound| self.one(bound));
        format!("[{low}, {high}]")
    }

    /// `5 % slower`
    pub(crate) fn signed(&self, number: f64) -> String {
        let side = if number < 0.0 { "slower" } else { "faster" };
        format!("{} % {side}", self.one(number.abs()))
    }
}
