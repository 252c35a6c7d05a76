//! `watch`: how a benchmark goes, until its result is recorded.

use std::pin::pin;

use anyhow::bail;

use crate::access::Access;
use crate::arguments::Watch;
use crate::courses::Courses;
use crate::exit::Exit;
use crate::lines::lines;
use crate::serve;
use crate::standing::{Standing, ending, line, standing};
use crate::states::states;
use crate::terminal::Block;

pub(crate) async fn watch(access: &Access, wanted: &Watch) -> anyhow::Result<Exit> {
    if let Some(address) = wanted.serve {
        return serve::serve(access, &wanted.name, address).await;
    }
    // A name that is misspelt would be waited for without an end.
    access.benchmark(&wanted.name).await?;
    let mut states = pin!(states(access, &wanted.name));
    let mut block = Block::new();
    let mut courses = Courses::default();
    while let Some(state) = block.next(&mut states).await {
        let Some(object) = state? else { bail!("{} is gone", wanted.name) };
        courses.see(&object);
        block.show(&line(&object), lines(&object, &courses));
        let standing = standing(&object);
        if let Some(exit) = exit(&standing) {
            block.end(&ending(&standing));
            return Ok(exit);
        }
    }
    bail!("the API server ended the watch")
}

/// A stall is shown and watched on: somebody may be mending it.
fn exit(standing: &Standing) -> Option<Exit> {
    match standing {
        Standing::Recorded { thresholds, .. } => Some(thresholds.as_ref().map_or(Exit::Done, |(exit, _)| *exit)),
        Standing::Stalled { exit: Exit::NotValid, .. } => Some(Exit::NotValid),
        Standing::Stalled { .. } | Standing::Pending | Standing::Deleted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_ends_the_watch_and_a_stall_does_not() {
        let recorded = |thresholds| Standing::Recorded { result: String::new(), thresholds };
        assert_eq!(exit(&recorded(None)), Some(Exit::Done));
        assert_eq!(exit(&recorded(Some((Exit::NotMet, String::new())))), Some(Exit::NotMet));
        let stalled = |exit| Standing::Stalled { exit, why: String::new() };
        assert_eq!(exit(&stalled(Exit::Stalled)), None);
        assert_eq!(exit(&stalled(Exit::NotValid)), Some(Exit::NotValid));
        assert_eq!(exit(&Standing::Pending), None);
    }
}
