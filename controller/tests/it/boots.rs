//! Instances whose boot fails: their consoles are written as real ones are, and the loop reads them.

use cloudsim::ec2::guest;

use crate::stage::play::Play;
use crate::stories::{small_on_a_calm_day, tell};

const STEP: &str = "clusterbench: step 3/6 fetch https://artifacts.example/v1/worker";
const ERROR: &str = "clusterbench: error: https://artifacts.example/v1/worker has sha256 12, not 34: it was not run";

/// Everything runs, and the program of one instance of this type does not start.
async fn with_a_ruined(instance_type: &str) -> (Play, String) {
    let mut play = small_on_a_calm_day();
    play.until(100, |play| play.live() == 5).await.unwrap();
    let live = play.sim.lock().truth().ec2.live_instances();
    let id = live.iter().find(|instance| instance.instance_type == instance_type).unwrap().id.clone();
    play.agents.ruin(&id);
    (play, id)
}

fn write_console(play: &Play, id: &str, lines: &[&str], failed: Option<i32>) {
    let now = play.now();
    play.sim.lock().ec2(now).set_console(id, guest::console("ip-172-31-5-19", lines, failed));
}

fn message(play: &Play, condition: &str) -> String {
    let conditions = play.store.status().unwrap().conditions;
    conditions.iter().find(|one| one.type_ == condition).unwrap().message.clone()
}

/// One that has only the console that EC2 keeps, and one whose console is read as it is now.
#[test]
fn an_instance_that_says_that_its_boot_failed_is_replaced_and_its_word_is_in_the_condition() {
    for instance_type in ["t2.large", "t3.large"] {
        tell(async || {
            let (mut play, id) = with_a_ruined(instance_type).await;
            write_console(&play, &id, &[STEP, ERROR], Some(1));
            play.until(100, |play| message(play, "Provisioned").contains(ERROR)).await.unwrap();
            let is_replaced = |play: &Play| play.sim.lock().audit().launched == 6;
            play.until(100, is_replaced).await.unwrap();
            let lines = play.store.status().unwrap().launches;
            let line = lines.iter().find(|line| line.instance_ids.contains(&id)).unwrap();
            assert_eq!((line.reason.as_str(), line.message.clone()), ("BootFailed", format!("{id}: {ERROR}")));
            play.until(300, Play::is_ready).await.unwrap();
            assert!(
                play.sim.lock().truth().ec2.live_instances().iter().all(|instance| instance.id != id),
                "{}",
                play.story()
            );
            assert_eq!(play.sim.lock().audit().launched, 6);
        });
    }
}

#[test]
fn while_a_boot_goes_on_the_condition_names_its_last_step() {
    tell(async || {
        let (mut play, id) = with_a_ruined("t3.large").await;
        write_console(&play, &id, &["clusterbench: step 2/6 metadata", STEP], None);
        let told = |play: &Play| message(play, "Deployed").contains(STEP);
        play.until(100, told).await.unwrap();
        assert!(message(&play, "Deployed").contains(&id));
        assert_eq!(play.sim.lock().audit().launched, 5, "nothing is replaced for being slow");
    });
}

/// What never says that it is ready has a failed boot once the deadline has passed.
#[test]
fn a_boot_that_hangs_is_replaced_after_the_deadline() {
    tell(async || {
        let (mut play, id) = with_a_ruined("t3.large").await;
        write_console(&play, &id, &[STEP], None);
        play.until(2_000, |play: &Play| play.sim.lock().audit().launched == 6).await.unwrap();
        let lines = play.store.status().unwrap().launches;
        let line = lines.iter().find(|line| line.instance_ids.contains(&id)).unwrap();
        assert!(line.message.contains("not ready 900 s after its launch; its console ends with"), "{line:#?}");
    });
}
