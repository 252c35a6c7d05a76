//! One thread per instance that hears its init, and learns of its end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus};
use std::thread;

use super::init::READY;

/// Calls `ready` when the instance is up, and `ended` with what init said on standard error when it has ended.
pub(super) fn watch(
    mut init: Child,
    ready: impl FnOnce() + Send + 'static,
    ended: impl FnOnce(Option<ExitStatus>, String) + Send + 'static,
) {
    thread::spawn(move || {
        let (mut ready, mut said) = (Some(ready), Vec::new());
        let lines = init.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines());
        for line in lines.map_while(Result::ok) {
            match ready.take_if(|_| line == READY) {
                Some(ready) => ready(),
                None => said.push(line),
            }
        }
        ended(init.wait().ok(), said.join("; "));
    });
}
