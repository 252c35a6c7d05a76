//! Prices that somebody gives the operator: private rates, Savings Plans, regions and types that no list has.
//!
//! A line is `region,type,usdPerHour`; those words may be the first line. They go before every other source, so nothing of a
//! file is taken if one line of it is not understood.

use std::collections::BTreeMap;
use std::fmt;

use super::micros;

/// The words of the first line, if it has any.
const HEADER: &str = "region,type,usdPerHour";

/// Prices by region and type, in millionths of a US dollar an hour; none is 0.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PriceFile(BTreeMap<(String, String), u64>);

/// The first line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}: write {HEADER}, such as eu-west-1,c7g.large,0.0775")]
pub struct BadLine {
    pub line: usize,
    pub why: String,
}

impl PriceFile {
    /// *Errors*: the first line that is not of three fields, whose price is no decimal above 0, or whose region and type
    /// another line has.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut prices: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut lines: BTreeMap<(String, String), usize> = BTreeMap::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let numbered = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
        for (number, line) in numbered.filter(|(_, line)| !line.is_empty()) {
            let is_header = lines.is_empty() && prices.is_empty() && line.eq_ignore_ascii_case(HEADER);
            if is_header {
                continue;
            }
            let bad = |why| Err(BadLine { line: number, why });
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [region, name, usd] = fields[..] else {
                return bad(format!("{line:?} has {} fields and not three", fields.len()));
            };
            if !is_region(region) {
                return bad(format!("{region:?} is no region such as eu-west-1"));
            }
            if !is_type(name) {
                return bad(format!("{name:?} is no instance type such as c7g.large"));
            }
            let price = match micros::of_decimal(usd) {
                Some(0) => return bad(format!("{usd:?} is nothing, and no instance is free")),
                Some(price) => price,
                None => return bad(format!("{usd:?} is no price in US dollars such as 0.0775")),
            };
            let key = (region.to_owned(), name.to_owned());
            if let Some(former) = lines.insert(key.clone(), number) {
                return bad(format!("{name} in {region} has a price in line {former} already"));
            }
            prices.insert(key, price);
        }
        Ok(Self(prices))
    }

    pub fn price(&self, region: &str, instance_type: &str) -> Option<u64> {
        self.0.get(&(region.to_owned(), instance_type.to_owned())).copied()
    }
}

/// Not the prices: they may be somebody's secret, and settings are logged.
impl fmt::Debug for PriceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} prices", self.0.len())
    }
}

fn is_region(text: &str) -> bool {
    text.split('-').count() >= 3 && is_name(text, "-")
}

fn is_type(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && is_name(part, "-");
    text.split_once('.').is_some_and(|(family, size)| is_part(family) && is_part(size))
}

fn is_name(text: &str, besides: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || besides.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_with_and_without_the_header() {
        let lines = "eu-west-1,c7g.large,0.0601\r\n\neu-west-1, m7i.metal-24xl , 5\nus-gov-west-1,t3.micro,0.000001\n";
        for text in [lines.to_owned(), format!("\u{feff}Region,Type,usdPerHour\n{lines}")] {
            let file = PriceFile::parse(&text).unwrap();
            assert_eq!(file.price("eu-west-1", "c7g.large"), Some(60_100));
            assert_eq!(file.price("eu-west-1", "m7i.metal-24xl"), Some(5_000_000));
            assert_eq!(file.price("us-gov-west-1", "t3.micro"), Some(1));
            assert_eq!(file.price("us-east-1", "c7g.large"), None);
            assert_eq!(format!("{file:?}"), "3 prices");
        }
        assert_eq!(PriceFile::parse(""), Ok(PriceFile::default()));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (line, why) in [
            ("eu-west-1,c7g.large", "has 2 fields"),
            ("eu-west-1,c7g.large,1,2", "has 4 fields"),
            ("eu-west-1,c7g.large,0", "no instance is free"),
            ("eu-west-1,c7g.large,0.0000001", "no instance is free"),
            ("eu-west-1,c7g.large,-0.1", "no price in US dollars"),
            ("eu-west-1,c7g.large,0.1 USD", "no price in US dollars"),
            ("eu-west-1,c7g.large,1e-3", "no price in US dollars"),
            ("eu-west-1,c7g.large,NaN", "no price in US dollars"),
            ("eu-west-1,c7g.large,", "no price in US dollars"),
            ("Ireland,c7g.large,0.1", "no region"),
            (",c7g.large,0.1", "no region"),
            ("eu-west-1,c7g,0.1", "no instance type"),
            ("eu-west-1,.large,0.1", "no instance type"),
            ("eu-west-1,t3.micro,0.2", "has a price in line 2 already"),
            ("region,type,usdPerHour", "no region"),
        ] {
            let error = PriceFile::parse(&format!("{HEADER}\neu-west-1,t3.micro,0.1\n{line}\n")).unwrap_err();
            assert_eq!(error.line, 3, "{line}");
            assert!(error.why.contains(why), "{line}: {error}");
            assert!(error.to_string().starts_with("line 3: "), "{error}");
        }
    }
}
