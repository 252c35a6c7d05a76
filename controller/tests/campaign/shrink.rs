//! Makes a script that breaks a rule as small as it gets: fewer steps, faults and strikes, calmer knobs.

use cloudsim::{FaultRates, Lag, Settings, Throttling, TokenRules};

use crate::campaign::{Failure, runtime};
use crate::life::{self, Telling};
use crate::script::{Script, Step};
use crate::stage::judge::Rule;
use crate::stage::play::Ways;

/// Plays that shrinking may cost: some seconds.
const BUDGET: usize = 1_000;

struct Shrinking {
    best: Script,
    rule: Rule,
    ways: Ways,
    left: usize,
    runtime: tokio::runtime::Runtime,
}

/// The smallest script found that breaks the same rule.
pub(crate) fn shrink(failure: &Failure, ways: Ways) -> Script {
    let mut work =
        Shrinking { best: failure.script.clone(), rule: failure.broken.rule, ways, left: BUDGET, runtime: runtime() };
    work.name_faults();
    let mut before = 0;
    while work.left > 0 && before != work.best.text().len() {
        before = work.best.text().len();
        work.thin(|script| &mut script.steps);
        work.thin(|script| &mut script.faults);
        work.thin(|script| &mut script.store_faults);
        work.thin(|script| &mut script.schedule);
        work.thin(|script| &mut script.clusters);
        work.spare_strikes();
        work.calm_down();
    }
    work.best
}

impl Shrinking {
    /// Adopts the script if it still breaks the rule.
    fn adopt(&mut self, script: Script) -> bool {
        if self.left == 0 || script == self.best {
            return false;
        }
        self.left -= 1;
        let ended = self.runtime.block_on(life::live(&script, self.ways, Telling::No));
        let breaks = ended.result.is_err_and(|broken| broken.rule == self.rule);
        if breaks {
            self.best = script;
        }
        breaks
    }

    /// Faults that came by chance become faults of single calls.
    fn name_faults(&mut self) {
        let faults = self.runtime.block_on(life::live(&self.best, self.ways, Telling::No)).faults;
        let knobs = Settings { faults: FaultRates::default(), ..self.best.knobs.clone() };
        self.adopt(Script { faults, knobs, ..self.best.clone() });
    }

    /// Leaves out as many items of a list as can be, the larger parts first.
    fn thin<T: Clone>(&mut self, list: impl Fn(&mut Script) -> &mut Vec<T>) {
        let mut size = list(&mut self.best).len().div_ceil(2);
        while size > 0 && self.left > 0 {
            let mut at = list(&mut self.best).len();
            while at > 0 {
                let from = at.saturating_sub(size);
                let mut script = self.best.clone();
                list(&mut script).drain(from..at);
                self.adopt(script);
                at = from;
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    fn spare_strikes(&mut self) {
        self.adopt(Script { doom: None, ..self.best.clone() });
        self.adopt(Script { operators: 1, ..self.best.clone() });
        for at in 0..self.best.steps.len() {
            let mut script = self.best.clone();
            if let Some(Step::Pass { strike, stretch_per_mille, .. }) = script.steps.get_mut(at) {
                *stretch_per_mille = 1000;
                let keeps = *strike;
                *strike = None;
                if !self.adopt(script.clone())
                    && let Some(Step::Pass { strike, .. }) = script.steps.get_mut(at)
                {
                    *strike = keeps;
                    self.adopt(script);
                }
            }
        }
    }

    fn calm_down(&mut self) {
        let calmer: [fn(&mut Script); 18] = [
            |script| script.knobs.stale_reads = Settings::default().stale_reads,
            |script| script.knobs.manual_changes = Settings::default().manual_changes,
            |script| script.knobs.quota_linger = Settings::default().quota_linger,
            |script| (script.knobs.no_capacity_per_mille, script.knobs.repeated_page_per_mille) = (0, 0),
            |script| script.knobs.lag = Lag::default(),
            |script| script.knobs.lag.id = Lag::default().id,
            |script| script.knobs.lag.tag = Lag::default().tag,
            |script| script.knobs.lag.token = Lag::default().token,
            |script| script.knobs.interface_linger = Settings::default().interface_linger,
            |script| script.knobs.boot = Settings::default().boot,
            |script| script.knobs.stop = Settings::default().stop,
            |script| script.knobs.fails_at_boot_per_mille = 0,
            |script| script.knobs.throttling = Throttling::Off,
            |script| script.knobs.token = TokenRules::default(),
            |script| (script.knobs.page_size, script.knobs.vcpu_quota) = (0, None),
            |script| script.image = None,
            |script| script.budget = None,
            |script| (script.max_lifetime_seconds, script.stretch_per_mille) = (7200, 1000),
        ];
        for change in calmer {
            let mut script = self.best.clone();
            change(&mut script);
            self.adopt(script);
        }
    }
}
