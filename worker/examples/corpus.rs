//! Prints `examples/corpus.tar`: 100 small pictures, and the table of the names that this worker gives to them.

#[path = "pack/mod.rs"]
mod pack;

use std::fmt::Write as _;
use std::io::{self, Write as _};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Decides the pictures: another one is another corpus, with another hash.
const SEED: u64 = 20_261_130;
const FILES: u64 = 100;
/// Pixels of a row and of a column.
const SIDE: u64 = 12;
/// The brightest grey.
const WHITE: u64 = 9;

fn main() -> io::Result<()> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut table = "file,name\n".to_owned();
    for number in 0..FILES {
        let (stem, picture) = (format!("pattern-{number:03}"), picture(number));
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{stem},{}", worker::name_of(picture.as_bytes()));
        pack::add(&mut archive, &format!("{stem}.pgm"), &picture)?;
    }
    pack::add(&mut archive, "expected.csv", &table)?;
    io::stdout().write_all(&archive.into_inner()?)
}

/// A portable graymap as text (Netpbm's `P2`): stripes, rings or checks, each with a grain of its own.
fn picture(number: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    random.set_stream(number);
    let (width, shift) = (random.random_range(1..=4), random.random_range(0..SIDE));
    let mut text = format!("P2\n{SIDE} {SIDE}\n{WHITE}\n");
    for y in 0..SIDE {
        let row: Vec<String> = (0..SIDE)
            .map(|x| {
                let band = match number % 3 {
                    0 => (x + y + shift) / width,
                    1 => x.abs_diff(shift).max(y.abs_diff(shift)) / width,
                    _ => x / width + (y + shift) / width,
                };
                let grain: u64 = random.random_range(0..=2);
                (band % 2 * (WHITE - 2) + grain).to_string()
            })
            .collect();
        text.push_str(&row.join(" "));
        text.push('\n');
    }
    text
}
