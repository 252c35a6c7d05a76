//! The operator beside the loop of one benchmark: lists for all, events, an old resource definition, the
//! sweeper, the kill switch. Against the simulated EC2, in virtual time.

// In a test, a surprise is a failure. The stage is shared with a benchmark that uses more of it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../../benches/operator/stage.rs"]
mod stage;

mod lists;
mod old_definition;
mod sweeping;

use std::time::Duration;

use cloudsim::{Settings, Throttling};

use crate::stage::Stage;

fn tell<T>(tale: impl AsyncFnOnce() -> T) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(tale())
}

fn throttling() -> Settings {
    Settings { throttling: Throttling::Published, ..Settings::default() }
}

/// So many benchmarks, all measured.
async fn ready(size: usize) -> Stage {
    let mut stage = Stage::new(7, throttling(), size);
    let converged = stage.play(minutes(60), Stage::all_ready).await;
    assert!(converged.is_some(), "{}", stage.worst());
    stage
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
