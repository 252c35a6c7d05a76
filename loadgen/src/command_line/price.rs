//! Prices that are given by hand: what the instances behind a URL cost an hour.

use std::str::FromStr;

use wire::{ClusterFacts, Metric, Price, Target};

/// `NAME=USD`: all that answers at one URL, by the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HourlyPrice {
    name: String,
    usd_micros: u64,
}

const WRONG: &str = "give NAME=USD, the name of a URL and what its instances cost an hour, such as new=0.39";

impl FromStr for HourlyPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, usd) = text.split_once('=').ok_or(WRONG)?;
        let usd_micros = micros(usd).filter(|micros| *micros > 0).ok_or(WRONG)?;
        Ok(Self { name: name.to_owned(), usd_micros })
    }
}

/// Dollars with at most six decimals, in millionths.
fn micros(usd: &str) -> Option<u64> {
    let (whole, decimals) = usd.split_once('.').unwrap_or((usd, ""));
    let are_digits = |text: &str| text.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 6 || !are_digits(whole) || !are_digits(decimals) {
        return None;
    }
    let micros: u64 = format!("{decimals:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

/// What a run is told of its targets.
///
/// # Errors
/// A price of nobody, two of one, or none where answers for a dollar are to be compared: the whole load would run, and what is
/// said then is another thing than was asked.
pub(crate) fn facts(prices: &[HourlyPrice], targets: &[Target], metric: Metric) -> anyhow::Result<Vec<ClusterFacts>> {
    for (index, price) in prices.iter().enumerate() {
        let is_of = |target: &Target| target.cluster == price.name;
        anyhow::ensure!(
            targets.iter().any(is_of),
            "--price: no URL is called {:?}, give one of {}",
            price.name,
            targets.iter().map(|target| target.cluster.as_str()).collect::<Vec<_>>().join(", ")
        );
        let is_twice = prices[..index].iter().any(|other| other.name == price.name);
        anyhow::ensure!(!is_twice, "--price: {} has two prices, give it one", price.name);
    }
    let is_priced = |name: &str| prices.iter().any(|price| price.name == name);
    // What is there twice costs what it costs.
    let is_first = |at: usize| targets[..at].iter().all(|earlier| earlier.url != targets[at].url);
    let lacks = |at: &usize| is_first(*at) && !is_priced(&targets[*at].cluster);
    let lacking: Vec<&str> = (0..targets.len()).filter(lacks).map(|at| targets[at].cluster.as_str()).collect();
    anyhow::ensure!(
        metric != Metric::RequestsPerUsd || lacking.is_empty(),
        "--price: there is no price of {}, give --price {}=USD, what its instances cost an hour",
        lacking.join(" and "),
        lacking.join("=USD --price ")
    );
    let told = |price: &HourlyPrice| ClusterFacts {
        cluster: price.name.clone(),
        price: Some(Price {
            instances: 1,
            instance_usd_micros: price.usd_micros,
            basis: "prices given by hand".to_owned(),
            ..Price::default()
        }),
        ..ClusterFacts::default()
    };
    Ok(prices.iter().map(told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros_of(text: &str) -> Option<u64> {
        text.parse::<HourlyPrice>().ok().map(|price| price.usd_micros)
    }

    #[test]
    fn prices_are_dollars_and_never_nothing() {
        assert_eq!(
            ["a=0.39", "a=2", "a=0.0042", "a=0.000001"].map(micros_of),
            [Some(390_000), Some(2_000_000), Some(4_200), Some(1)]
        );
        let wrong = ["a", "0.39", "a=", "a=0", "a=0.00", "a=-1", "a=1e3", "a=.5", "a=0.0000001", "a=1,5"];
        assert_eq!(wrong.map(micros_of), [None; 10]);
    }

    fn target(name: &str, url: &str) -> Target {
        Target { cluster: name.into(), url: url.into(), ..Target::default() }
    }

    fn told(texts: &[&str], targets: &[Target], metric: Metric) -> Result<Vec<ClusterFacts>, String> {
        let prices: Vec<HourlyPrice> = texts.iter().map(|text| text.parse().unwrap()).collect();
        facts(&prices, targets, metric).map_err(|error| error.to_string())
    }

    #[test]
    fn a_price_belongs_to_one_url() {
        let targets = [target("a", "http://a.test/")];
        let of = |texts: &[&str]| told(texts, &targets, Metric::P50);
        assert_eq!(of(&["a=0.39"]).unwrap()[0].price.as_ref().unwrap().instance_usd_micros, 390_000);
        assert_eq!(of(&["b=1"]).unwrap_err(), "--price: no URL is called \"b\", give one of a");
        assert_eq!(of(&["a=1", "a=2"]).unwrap_err(), "--price: a has two prices, give it one");
    }

    #[test]
    fn nothing_is_compared_by_the_dollar_without_a_price_of_each() {
        let twice = [target("a", "http://a.test/"), target("b", "http://b.test/"), target("again", "http://a.test/")];
        let of = |texts: &[&str]| told(texts, &twice, Metric::RequestsPerUsd);
        assert_eq!(of(&["a=1", "b=2"]).unwrap().len(), 2, "the same URL costs the same");
        assert_eq!(
            of(&["b=2"]).unwrap_err(),
            "--price: there is no price of a, give --price a=USD, what its instances cost an hour"
        );
        assert_eq!(
            of(&[]).unwrap_err(),
            "--price: there is no price of a and b, give --price a=USD --price b=USD, what its instances cost an hour"
        );
        assert_eq!(told(&[], &twice, Metric::RequestsPerSecond).unwrap(), []);
    }
}
