//! The knobs by name, for people: meaning, source, value, and how to set each.
//!
//! One word is one setting: `tag-lag=0..30s`, `lost-answer=3%`, `credentials=expired`.

mod buckets;
mod calls;
mod instances;
mod launches;
mod load_balancing;
mod near;
mod prices;
mod queues;
mod reads;
mod surroundings;
mod value;

use jiff::Timestamp;

use crate::engine::span::Span;
use crate::engine::visibility::Lag;
use crate::settings::Settings;

/// One knob.
pub struct Knob {
    pub name: &'static str,
    /// Its effect, in one line.
    pub says: &'static str,
    /// The source: a page of AWS, or an issue of somebody who met it.
    pub source: &'static str,
    kind: Kind,
}

/// The setting that a knob turns. A field is reached for changing only; reading one goes through a copy.
enum Kind {
    Span(fn(&mut Settings) -> &mut Span),
    /// The same for every index.
    Lag(fn(&mut Settings) -> &mut Lag),
    /// A lag of its own; unless it is set, that of all.
    OwnLag(fn(&mut Settings) -> &mut Option<Lag>),
    /// A rate in thousandths.
    Rate(fn(&mut Settings) -> &mut u32),
    Limit(fn(&mut Settings) -> &mut Option<u32>),
    Seconds(fn(&mut Settings) -> &mut u64),
    Millis(fn(&mut Settings) -> &mut u64),
    Other {
        form: &'static str,
        show: fn(&Settings) -> String,
        take: fn(&mut Settings, &str, Timestamp) -> Option<()>,
    },
}

/// The reason for which nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnobError {
    #[error("{word:?} sets nothing: write KNOB=VALUE, such as tag-lag=0..30s")]
    NotAnAssignment { word: String },
    #[error("there is no knob {name:?}{}", near::hint(near))]
    Unknown { name: String, near: Vec<&'static str> },
    #[error("{knob}={value}: the value must be {form}")]
    Value { knob: &'static str, value: String, form: &'static str },
    #[error("{knobs} come to {percent} % together: a call meets one of them at most, so it must be 100 % or less")]
    TooOften { knobs: String, percent: u32 },
}

/// Every knob, in the order in which they are explained.
pub fn all() -> impl Iterator<Item = &'static Knob> {
    let of_ec2 = [reads::KNOBS, instances::KNOBS, launches::KNOBS];
    let of_all =
        [load_balancing::KNOBS, queues::KNOBS, buckets::KNOBS, prices::KNOBS, calls::KNOBS, surroundings::KNOBS];
    of_ec2.into_iter().chain(of_all).flatten()
}

/// Settings with all of these words applied, in their order; or what is wrong with each that is wrong.
///
/// `now` is what a length of time such as `endpoint-unavailable=30s` counts from.
pub fn apply<'a>(
    settings: &Settings,
    words: impl IntoIterator<Item = &'a str>,
    now: Timestamp,
) -> Result<Settings, Vec<KnobError>> {
    let mut changed = settings.clone();
    let set = |word: &'a str| set(&mut changed, word, now).err();
    let mut errors: Vec<KnobError> = words.into_iter().filter_map(set).collect();
    errors.extend(too_often(&changed));
    if errors.is_empty() { Ok(changed) } else { Err(errors) }
}

fn set(settings: &mut Settings, word: &str, now: Timestamp) -> Result<(), KnobError> {
    let (name, value) = word.split_once('=').ok_or_else(|| KnobError::NotAnAssignment { word: word.to_owned() })?;
    let knob = all().find(|knob| knob.name == name).ok_or_else(|| KnobError::Unknown {
        name: name.to_owned(),
        near: near::names(name, all().map(|knob| knob.name)),
    })?;
    knob.take(settings, value, now).ok_or_else(|| KnobError::Value {
        knob: knob.name,
        value: value.to_owned(),
        form: knob.form(),
    })
}

/// Words that make these settings of `from`: what is in force, for printing and for pasting.
pub fn difference(from: &Settings, to: &Settings) -> Vec<String> {
    let changed = all().filter(|knob| !knob.is_shorthand() && knob.value(from) != knob.value(to));
    changed.map(|knob| format!("{}={}", knob.name, knob.value(to))).collect()
}

impl Knob {
    /// The values that it takes.
    pub fn form(&self) -> &'static str {
        match self.kind {
            Kind::Span(_) | Kind::Lag(_) => "a length of time such as 0..30s, 500ms, 1..10min, or off",
            Kind::OwnLag(_) => "a length of time such as 0..30s, 500ms, 1..10min, or off (as the other lags)",
            Kind::Rate(_) => "a rate such as 3%, 0.5%, or off",
            Kind::Limit(_) => "a number, or off",
            Kind::Seconds(_) => "a number of seconds, minutes or hours, such as 30s, 40min, 1h",
            Kind::Millis(_) => "a length of time such as 500ms, 20min, or off",
            Kind::Other { form, .. } => form,
        }
    }

    /// Its value in these settings, as it can be set.
    pub fn value(&self, settings: &Settings) -> String {
        let mut copy = settings.clone();
        match self.kind {
            Kind::Span(field) => value::show_span(*field(&mut copy)),
            Kind::Lag(field) => show_lag(*field(&mut copy)),
            Kind::OwnLag(field) => field(&mut copy).map_or_else(|| "off".to_owned(), show_lag),
            Kind::Rate(field) => value::show_rate(*field(&mut copy)),
            Kind::Limit(field) => value::show_limit(*field(&mut copy)),
            Kind::Seconds(field) => value::show_millis(field(&mut copy).saturating_mul(1000)),
            Kind::Millis(field) => value::show_millis(*field(&mut copy)),
            Kind::Other { show, .. } => show(settings),
        }
    }

    /// Sets several others at once.
    pub fn is_shorthand(&self) -> bool {
        matches!(self.kind, Kind::Lag(_)) || self.name == "relapse"
    }

    fn take(&self, settings: &mut Settings, text: &str, now: Timestamp) -> Option<()> {
        match self.kind {
            Kind::Span(field) => *field(settings) = value::span(text)?,
            Kind::Lag(field) => *field(settings) = Lag::up_to(value::span(text)?),
            Kind::OwnLag(field) => {
                *field(settings) = if text == value::OFF { None } else { Some(Lag::up_to(value::span(text)?)) };
            }
            Kind::Rate(field) => *field(settings) = value::rate(text)?,
            Kind::Limit(field) => *field(settings) = value::limit(text)?,
            Kind::Seconds(field) => *field(settings) = value::whole_seconds(text)?,
            Kind::Millis(field) => *field(settings) = value::millis(text)?,
            Kind::Other { take, .. } => take(settings, text, now)?,
        }
        Some(())
    }
}

fn show_lag(lag: Lag) -> String {
    if lag == Lag::up_to(lag.id) { value::show_span(lag.id) } else { "various".to_owned() }
}

/// Rates of which a call draws one must leave room for each other.
fn too_often(settings: &Settings) -> Option<KnobError> {
    let groups = [(calls::FAULTS, settings.faults.sum()), (calls::ENDPOINT_FAULTS, settings.endpoint.sum())];
    let (names, sum) = groups.into_iter().find(|(_, sum)| *sum > 1000)?;
    let on = all().filter(|knob| names.contains(&knob.name) && knob.value(settings) != value::OFF);
    let knobs = on.map(|knob| knob.name).collect::<Vec<_>>().join(", ");
    Some(KnobError::TooOften { knobs, percent: sum.div_ceil(10) })
}
