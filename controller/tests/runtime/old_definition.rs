//! An API server that drops the ledger.

use crate::stage::{Definition, Stage};
use crate::{minutes, tell, throttling};

#[test]
fn an_old_definition_launches_nothing_and_says_the_way_out() {
    tell(async || {
        let mut stage = Stage::new(7, throttling(), 2);
        stage.server.lock().definition = Definition::Old;
        stage.play(minutes(60), |_| false).await;
        assert_eq!(stage.sim.lock().audit().launched, 0);
        let said = stage.condition("bench-0", "Stalled");
        assert_eq!((said.status.as_str(), said.reason.as_str()), ("True", "CrdTooOld"));
        assert!(said.message.contains("apply manifests/crds.yaml"), "{}", said.message);
        let told =
            stage.server.lock().events.iter().filter(|event| **event == "Warning Stalled CrdTooOld bench-0").count();
        assert_eq!(told, 1);
        // Looked at once a minute or so, and not in a hot loop of its own writes.
        let passes = stage.passes;
        stage.play(minutes(60), |_| false).await;
        assert!(stage.passes - passes <= 2 * 130, "{} passes in an hour", stage.passes - passes);

        stage.server.lock().definition = Definition::Current;
        let converged = stage.play(minutes(60), Stage::all_ready).await;
        assert!(converged.is_some(), "{}", stage.worst());
        assert_eq!(stage.sim.lock().audit().launched, 8);
    });
}
