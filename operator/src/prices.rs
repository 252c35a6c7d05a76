//! The file of prices that go before those of AWS.

use std::path::Path;

use anyhow::Context;
use planner::cost::price_file::PriceFile;

/// No file, no prices. One that is not understood as a whole is refused: half of somebody's prices would name wrong winners.
pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<PriceFile> {
    let Some(path) = path else { return Ok(PriceFile::default()) };
    let what = || format!("--prices {}", path.display());
    let text = std::fs::read_to_string(path).with_context(what)?;
    PriceFile::parse(&text).with_context(what)
}
