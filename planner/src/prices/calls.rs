//! Prices of calls of SQS and S3.
//!
//! Known of us-east-1 alone, and counted so in other regions, which is said; in China, which bills in another currency, they are
//! not known. What an account has free each month is not taken off: a benchmark is to say what the next million would cost.

use wire::CallPrices;

use super::table::HOME;

/// These prices are of this day.
const DAY: &str = "2026-11-29";

/// A million requests to a standard queue, below 100 billion a month; each 64 KiB of a message are one (AWS, "Amazon SQS pricing",
/// US East (N. Virginia)).
const SQS_MILLION: u64 = 400_000;

/// A million PUT, COPY, POST or LIST requests to S3 Standard: 0.005 USD a thousand (AWS, "Amazon S3 pricing", US East (N.
/// Virginia)).
const S3_PUT_MILLION: u64 = 5_000_000;

/// A million GET and all other requests to S3 Standard: 0.0004 USD a thousand (the same page).
const S3_GET_MILLION: u64 = 400_000;

/// Prices of a million calls in this region. `None`: they are not known.
pub fn calls(region: &str) -> Option<CallPrices> {
    (!region.starts_with("cn-")).then(|| CallPrices {
        sqs_usd_micros: SQS_MILLION,
        s3_put_usd_micros: S3_PUT_MILLION,
        s3_get_usd_micros: S3_GET_MILLION,
        basis: basis(region),
    })
}

fn basis(region: &str) -> String {
    let here = format!("calls of SQS and S3 at prices of {HOME}, {DAY}");
    if region == HOME { here } else { format!("{here}, for want of those of {region}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pages print is for a million, and for a thousand.
    #[test]
    fn prices_are_those_of_the_pages_and_their_place_is_said() {
        let home = calls("us-east-1").unwrap();
        assert_eq!(
            [home.sqs_usd_micros, home.s3_put_usd_micros / 1_000, home.s3_get_usd_micros / 1_000],
            [400_000, 5_000, 400]
        );
        assert_eq!(home.basis, "calls of SQS and S3 at prices of us-east-1, 2026-11-29");
        assert!(calls("eu-west-1").unwrap().basis.ends_with(", for want of those of eu-west-1"));
        assert_eq!(calls("cn-north-1"), None, "not known is not nothing");
    }
}
