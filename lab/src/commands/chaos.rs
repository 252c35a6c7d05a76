//! `lab chaos`: shows and turns the cloud's knobs while the lab is up.

use anyhow::bail;
use bytes::Bytes;

use crate::called;
use crate::fetch;
use crate::state::State;
use crate::supervisor::chaos::{InForce, KnobShown, Turn};
use crate::table::Table;

pub(crate) async fn chaos(state: &State, words: &[String], seed: Option<u64>) -> anyhow::Result<()> {
    let admin = state.record()?.admin;
    let command = match words {
        [word] if seed.is_none() => word.as_str(),
        _ => "",
    };
    if command == "list" {
        let body = ask("GET", admin, &Turn::default()).await?;
        say::text(listing(&serde_json::from_slice::<Vec<KnobShown>>(&body)?));
        return Ok(());
    }
    let method = if command == "off" { "DELETE" } else { "POST" };
    let set = if command == "off" { Vec::new() } else { words.to_vec() };
    let body = ask(method, admin, &Turn { set, seed }).await?;
    say::text(told(&serde_json::from_slice(&body)?));
    Ok(())
}

async fn ask(method: &str, admin: std::net::SocketAddr, turn: &Turn) -> anyhow::Result<Bytes> {
    let (code, body) = fetch::request(method, admin, "/chaos", serde_json::to_vec(turn)?.into()).await?;
    if code != 200 {
        bail!(
            "nothing is changed:\n{}\n`{} chaos list` explains the knobs",
            String::from_utf8_lossy(&body),
            called::words()
        );
    }
    Ok(body)
}

fn listing(knobs: &[KnobShown]) -> String {
    let mut table = Table::new(&["KNOB", "VALUE", "WHAT HAPPENS", "SOURCE"]);
    for knob in knobs {
        let mark = if knob.value == knob.calm { "" } else { " *" };
        table.row([knob.name.clone(), format!("{}{mark}", knob.value), knob.says.clone(), knob.source.clone()]);
    }
    let lab = called::words();
    format!("{table}* differs from the lab's own settings; `{lab} chaos off` goes back to them\n")
}

fn told(in_force: &InForce) -> String {
    let words = match &in_force.words[..] {
        [] => "the lab's own settings are in force".to_owned(),
        words => format!("in force: {}", words.join(" ")),
    };
    let notes = in_force.notes.iter().map(|note| format!("note: {note}\n"));
    format!("{words}\n{}", notes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use cloudsim::{Settings, knobs};
    use jiff::Timestamp;

    use super::*;
    use crate::supervisor::chaos::{in_force, shown, turned};

    #[test]
    fn what_is_turned_is_told_and_shown_with_a_mark() {
        let calm = Settings::lab();
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let turn = Turn { set: vec!["lost-answer=3%".into(), "endpoint-unavailable=30s".into()], seed: None };
        let turned = turned(&calm, &turn, now).unwrap();
        let told = told(&in_force(&calm, &turned, 5));
        assert_eq!(told, "in force: lost-answer=3% endpoint-unavailable=2026-11-25T12:00:30Z\n");
        let listing = listing(&shown(&calm, &turned));
        let line = |name: &str| listing.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(line("lost-answer ").contains(" 3% * ") && line("lost-request ").contains(" off  "), "{listing}");
        assert!(line("tag-lag ").contains("0..200ms") && line("tag-lag ").contains("cluster-api-provider-aws#1351"));
        assert_eq!(listing.lines().count(), knobs::all().count() + 2);
        assert_eq!(super::told(&in_force(&calm, &calm, 5)), "the lab's own settings are in force\n");
    }
}
