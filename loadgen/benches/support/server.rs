//! The server whose answers are known.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use stats::Latencies;

/// One way to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    Constant,
    Lognormal,
    Bimodal,
    Paused,
    Resets,
}

/// What is true, for requests that are due at a constant rate.
pub(crate) struct Truth {
    /// p50, p90, p99, p99.9 in microseconds; infinite where failures reach.
    pub(crate) quantiles: [f64; 4],
    pub(crate) failed_percent: f64,
}

pub(crate) const PROBABILITIES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
const CONSTANT: f64 = 20_000.0;
const LOGNORMAL_MEDIAN: f64 = 20_000.0;
const LOGNORMAL_SIGMA: f64 = 0.5;
const FAST: f64 = 10_000.0;
const SLOW: f64 = 100_000.0;
const SLOW_SHARE: f64 = 0.08;
const PAUSE_SECONDS: f64 = 1.0;
const PAUSE_EVERY_SECONDS: f64 = 20.0;
/// The first pause; in the middle, so that nothing of it is cut off.
const PAUSE_AFTER_SECONDS: f64 = 10.0;
const RESET_EVERY: u64 = 100;

impl Conduct {
    pub(crate) const ALL: [Self; 5] = [Self::Constant, Self::Lognormal, Self::Bimodal, Self::Paused, Self::Resets];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Lognormal => "lognormal",
            Self::Bimodal => "bimodal",
            Self::Paused => "paused",
            Self::Resets => "resets",
        }
    }

    pub(crate) fn descriptions() -> &'static str {
        "- *constant*: 20 ms each\n\
         - *lognormal*: median 20 ms, sigma 0.5\n\
         - *bimodal*: 92 of 100 take 10 ms, the others 100 ms\n\
         - *paused*: 10 ms each, but once, for 1 s after 10 s (and every 20 s), nobody is answered: of requests that are \
         due at a constant rate, each hundredth of a second of that pause holds up its share\n\
         - *resets*: 20 ms each, but every hundredth connection is reset instead of an answer\n"
    }

    pub(crate) fn truth(self, seconds: u32) -> Truth {
        let probabilities = PROBABILITIES;
        let quantiles = match self {
            Self::Paused => {
                let pauses = (f64::from(seconds) - PAUSE_AFTER_SECONDS).max(0.0) / PAUSE_EVERY_SECONDS;
                let share = pauses.ceil() * PAUSE_SECONDS / f64::from(seconds);
                // The slowest p of all waited for the last p / share of the pause at least... from its beginning on.
                probabilities.map(|p| {
                    let above = 1.0 - p;
                    if above >= share { FAST } else { FAST + PAUSE_SECONDS * 1e6 * (1.0 - above / share) }
                })
            }
            // Above 99 % there are only resets.
            Self::Resets => probabilities.map(|p| if p > 0.99 { f64::INFINITY } else { CONSTANT }),
            _ => probabilities.map(|p| self.quantile(p)),
        };
        Truth { quantiles, failed_percent: if self == Self::Resets { 100.0 / RESET_EVERY as f64 } else { 0.0 } }
    }

    /// The quantiles that have a value: where the distribution jumps, any number in between would be right.
    pub(crate) fn has(self, probability: f64) -> bool {
        !(self == Self::Resets && probability == 0.99)
    }

    /// Time of an answer at a place in the distribution.
    fn quantile(self, place: f64) -> f64 {
        match self {
            Self::Constant | Self::Resets => CONSTANT,
            Self::Lognormal => LOGNORMAL_MEDIAN * (LOGNORMAL_SIGMA * normal_quantile(place)).exp(),
            Self::Bimodal => {
                if place <= 1.0 - SLOW_SHARE {
                    FAST
                } else {
                    SLOW
                }
            }
            Self::Paused => FAST,
        }
    }
}

/// Inverse of the normal distribution by bisection of its Abramowitz and Stegun approximation 26.2.17 (error 7.5e-8).
fn normal_quantile(place: f64) -> f64 {
    let distribution = |z: f64| {
        let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
        let tail = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt()
            * t
            * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
        if z >= 0.0 { 1.0 - tail } else { tail }
    };
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if distribution(middle) < place { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The server as a process of its own.
pub(crate) struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

impl Server {
    pub(crate) fn start(conduct: Conduct) -> Self {
        let itself = std::env::current_exe().expect("the path of this program");
        let mut command = super::prioritized(itself.to_str().expect("a path that is text"));
        command.args(["server", conduct.name()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Command::spawn(&mut command).expect("the server starts");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut address = String::new();
        output.read_line(&mut address).expect("the server says where it listens");
        Self { process, output, address: address.trim().to_owned() }
    }

    /// Quantiles of what the server did by its own clock, from reading a request to having written the answer.
    pub(crate) fn served(mut self) -> [f64; 4] {
        drop(self.process.stdin.take());
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the server says what it did");
        let told: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        told.try_into().expect("four quantiles")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// The server's own life.
pub(crate) fn run(name: &str) -> ExitCode {
    let Some(conduct) = Conduct::ALL.into_iter().find(|conduct| conduct.name() == name) else {
        return ExitCode::FAILURE;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    std::thread::spawn(|| {
        // Until whoever started it has enough.
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        let served = SERVED.get_or_init(Mutex::default).lock().expect("nobody panics with it");
        let told = PROBABILITIES.map(|place| served.quantile((place * 1000.0) as u64).unwrap_or(0).to_string());
        println!("{}", told.join(" "));
        std::process::exit(0);
    });
    for stream in listener.incoming().map_while(Result::ok) {
        let serve = move || serve(stream, conduct);
        // Thousands of connections are open during a pause.
        std::thread::Builder::new().stack_size(64 * 1024).spawn(serve).expect("a thread");
    }
    ExitCode::SUCCESS
}

static SERVED: OnceLock<Mutex<Latencies>> = OnceLock::new();
static FIRST: OnceLock<Instant> = OnceLock::new();
static COUNT: AtomicU64 = AtomicU64::new(0);

fn serve(mut stream: TcpStream, conduct: Conduct) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    // A thread that sleeps wakes up as late as this allows; the default is 50 us.
    let _exact = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1));
    let mut received = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        let arrived = Instant::now();
        received.extend_from_slice(&part[..length]);
        while let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            received.drain(..end + 4);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let first = *FIRST.get_or_init(|| arrived);
            if conduct == Conduct::Resets && number % RESET_EVERY == RESET_EVERY - 1 {
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).ok()?;
                return None;
            }
            // The golden ratio's multiples fill the unit interval evenly, whatever their number.
            let place = (number as f64 * 0.618_033_988_749_894_9 + 0.5).fract();
            let mut due = arrived + Duration::from_secs_f64(conduct.quantile(place) / 1e6);
            if conduct == Conduct::Paused {
                let since = (arrived - first).as_secs_f64() - PAUSE_AFTER_SECONDS;
                let within = since.rem_euclid(PAUSE_EVERY_SECONDS);
                if since >= 0.0 && within < PAUSE_SECONDS {
                    due += Duration::from_secs_f64(PAUSE_SECONDS - within);
                }
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").ok()?;
            let took = arrived.elapsed().as_micros() as u64;
            SERVED.get_or_init(Mutex::default).lock().expect("nobody panics with it").record(took);
        }
    }
}
