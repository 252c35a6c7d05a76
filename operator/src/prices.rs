//! The file of prices that go before those of AWS.

use std::path::Path;

use anyhow::Context;
use planner::prices::file::PriceFile;

/// No file, no prices. One that is not understood as a whole is refused: half of somebody's prices would name wrong winners.
pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<PriceFile> {
    let Some(path) = path else { return Ok(PriceFile::default()) };
    let what = || format!("--prices {}", path.display());
    let text = std::fs::read_to_string(path).with_context(what)?;
    PriceFile::parse(&text).with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_no_price_and_a_bad_line_names_file_and_line() {
        assert_eq!(read(None).unwrap(), PriceFile::default());
        let path = std::env::temp_dir().join(format!("clusterbench-prices-{}.csv", std::process::id()));
        std::fs::write(&path, "region,type,usdPerHour\neu-west-1,c7g.large,0.0601\n").unwrap();
        assert_eq!(read(Some(&path)).unwrap().price("eu-west-1", "c7g.large"), Some(60_100));
        std::fs::write(&path, "region,type,usdPerHour\neu-west-1,c7g.large,0\n").unwrap();
        let error = format!("{:#}", read(Some(&path)).unwrap_err());
        std::fs::remove_file(&path).unwrap();
        assert!(error.starts_with(&format!("--prices {}: line 2: ", path.display())), "{error}");
        assert!(format!("{:#}", read(Some(&path)).unwrap_err()).contains("--prices"));
    }
}
