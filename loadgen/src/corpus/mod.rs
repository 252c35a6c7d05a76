//! Files that requests send in turn, each with its right answer: from a directory, or from an archive that was fetched.
//!
//! Pure: [`table`] (which answer is right), [`body`] (the file as it is sent), [`archive`] (plain tar), [`files`] and [`turns`]
//! (which file is whose). Effects: [`directory`], and [`store`], which fetches an archive and keeps it by its hash.

mod archive;
mod body;
mod directory;
mod files;
pub(crate) mod store;
mod table;
mod turns;

pub(crate) use files::File;
pub use files::{Files, NoFiles};
#[cfg(test)]
pub(crate) use table::Table;
pub(crate) use turns::Turns;

/// Most files of a corpus: each is in memory while it is measured with.
const MOST_FILES: usize = 10_000;
/// All files of a corpus together, and the archive that they come in: 256 MiB, for generators that have 1 GiB.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Longest body that a front takes, which answers 413 to a longer one (`queue::front::BODY_LIMIT`).
const MOST_OF_A_FRONT: usize = 5 * 1024 * 1024;
/// Longest answer that a puller passes on; a longer one is none (`LONGEST` in `queue/src/puller/http_program.rs`).
const MOST_OF_A_PULLER: usize = 16 * 1024 * 1024;
/// The table within an archive.
const TABLE: &str = "expected.csv";
