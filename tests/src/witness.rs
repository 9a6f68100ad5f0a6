//! What a host told of its attempts while it lived: an account of what plugins did that owes nothing to the ledger.
//!
//! A line is written when a guest is about to be called, when it has ended, and once its attempt is settled and that is
//! durable. What was written before a kill stays in the pipe and is read to its end, so that a line is what somebody
//! outside saw happen. `RUST_LOG=hookbox=debug` has a host tell all three.

use serde_json::Value;

/// The lives of the hosts of one folder, in order.
#[derive(Debug, Default)]
pub struct Witness {
    /// What each told, in order.
    pub lives: Vec<Life>,
}

/// One life of a host.
#[derive(Debug, Default)]
pub struct Life {
    /// What was told of attempts.
    pub told: Vec<Told>,
    /// Whether it was told to stop: attempts may have been given back then.
    pub stopped: bool,
}

/// A line about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The run.
    pub run: String,
    /// The attempt's number.
    pub n: i64,
    /// What happened.
    pub what: Happened,
}

/// What happened to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Its guest is about to be called.
    Begins,
    /// Its guest has ended.
    Ends,
    /// It is settled with this outcome.
    Settled(String),
}

impl Witness {
    /// Adds the log of a life that has ended.
    pub fn hear(&mut self, log: &str) {
        let mut life = Life::default();
        // The last line may have been cut off by the kill.
        for line in log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
        {
            let line: Value = line;
            let message = line
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default();
            life.stopped |= message.starts_with("stopping");
            life.told.extend(told(&line, message));
        }
        self.lives.push(life);
    }

    /// Everything told, in order.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.lives.iter().flat_map(|life| &life.told)
    }
}

fn told(line: &Value, message: &str) -> Option<Told> {
    let what = match message {
        "attempt begins" => Happened::Begins,
        "attempt ends" => Happened::Ends,
        "attempt settled" => Happened::Settled(line.get("outcome")?.as_str()?.to_owned()),
        _ => return None,
    };
    let spans = line.get("spans")?.as_array()?;
    let attempt = spans.iter().find(|span| span.get("run").is_some())?;
    Some(Told {
        run: attempt.get("run")?.as_str()?.to_owned(),
        n: attempt.get("n")?.as_i64()?,
        what,
    })
}
