//! The numbers that load generators give for a server whose answers are known exactly.
//!
//! `cargo xtask bench truth [SECONDS]`. The server is this program, started again for every run: it answers each request
//! after a delay taken in turn from the quantiles of a distribution (a sequence that fills it evenly, so that any
//! number of requests has it), or makes everybody wait, or resets connections. Every tool is asked for the same rate.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that panics has failed")]

mod support;

use std::process::ExitCode;

use support::server::{self, Conduct, PROBABILITIES, Server};
use support::{Figures, Tool, percent_off};

/// Rate of all requests: enough for ten requests above p99.9 in 20 seconds, few enough that the machine is not the limit.
const RATE: u32 = 500;
const SECONDS: u32 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "server") {
        return server::run(arguments.get(1).map_or("", |text| text));
    }
    let seconds = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let tools = Tool::installed();
    let mut lines = vec![heading(&tools)];
    for conduct in Conduct::ALL {
        let truth = conduct.truth(seconds);
        let (mut told, mut served): (Vec<Figures>, _) = (Vec::new(), [0.0; 4]);
        for tool in &tools {
            let (figures, by_server) = measured(*tool, conduct, seconds);
            told.push(figures);
            if *tool == Tool::Ours {
                served = by_server;
            }
        }
        for (place, name) in ["p50", "p90", "p99", "p99.9"].iter().enumerate() {
            if !conduct.has(PROBABILITIES[place]) {
                continue;
            }
            let (true_micros, by_server) = (truth.quantiles[place], served[place]);
            let own = if true_micros.is_finite() { support::millis(by_server) } else { String::new() };
            let mut line = format!("| {} | {name} | {} | {own} |", conduct.name(), support::millis(true_micros));
            for figures in &told {
                line.push_str(&format!(" {} |", percent_off(figures.quantiles[place], truth.quantiles[place])));
            }
            lines.push(line);
        }
        let mut line = format!("| {} | failed | {:.2} % | |", conduct.name(), truth.failed_percent);
        for figures in &told {
            line.push_str(
                &figures.failed_percent.map_or(" not said |".to_owned(), |failed| format!(" {failed:.2} % |")),
            );
        }
        lines.push(line);
    }
    println!("{}", introduction(&tools, seconds));
    println!("{}", lines.join("\n"));
    ExitCode::SUCCESS
}

fn measured(tool: Tool, conduct: Conduct, seconds: u32) -> (Figures, [f64; 4]) {
    let server = Server::start(conduct);
    eprintln!("truth: {} against {}", tool.name(), conduct.name());
    let figures = tool.measure(&server.url(), RATE, seconds);
    (figures, server.served())
}

fn heading(tools: &[Tool]) -> String {
    let names: String = tools.iter().map(|tool| format!(" {} |", tool.name())).collect();
    format!("| server | | truth | by its own clock |{names}\n|---|---|---|---|{}", "---|".repeat(tools.len()))
}

fn introduction(tools: &[Tool], seconds: u32) -> String {
    let mut text = format!(
        "A server whose answers are known exactly, asked {RATE} times a second for {seconds} s by each tool. Cells: what the \
         tool said, and by how much that is wrong. *none*: failures reach that quantile, so it has no value. *By its own clock*: what \
         the server itself took while loadgen measured it (after a warm-up of 1 s that is not counted, in which \
         connections are made; the others have none), from reading a request to having written the answer. The server \
         and the tools ran {}.\n\n{}\n",
        support::priority(),
        Conduct::descriptions()
    );
    for tool in Tool::ALL.iter().filter(|tool| !tools.contains(tool)) {
        text.push_str(&format!("\nNot measured: {}: {}.\n", tool.name(), tool.how_to_install()));
    }
    text
}
