//! Prints `examples/fastapi.tar`: the application of `examples/fastapi` as an archive, for `worker.archive`.

#[path = "pack/mod.rs"]
mod pack;

use std::io::{self, Write as _};

const FILES: [(&str, &str); 3] = [
    ("app.py", include_str!("../../examples/fastapi/app.py")),
    ("requirements.txt", include_str!("../../examples/fastapi/requirements.txt")),
    ("start.sh", include_str!("../../examples/fastapi/start.sh")),
];

fn main() -> io::Result<()> {
    let mut archive = tar::Builder::new(Vec::new());
    FILES.iter().try_for_each(|(name, content)| pack::add(&mut archive, name, content))?;
    io::stdout().write_all(&archive.into_inner()?)
}
