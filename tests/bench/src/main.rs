//! What Hookbox does in a second, side by side with others: `cargo run -p hookbox-bench --release`.
//!
//! It builds what it measures, starts each contestant, drives it with the same load and the same payload, in turns, and
//! prints a table, which it also writes to `docs/benchmarks.md`. It judges nothing: it reports.

mod built;
mod calls;
mod contestant;
mod disk;
mod http;
mod languages;
mod load;
mod machine;
mod numbers;
mod payload;
mod process;
mod report;
mod round;
mod sandboxed;
mod start;
mod wait;

use anyhow::{Context as _, Result};
use built::{Built, profile, target, workspace};
use calls::Calls;
use clap::Parser;
use contestant::{Contestant, Place};
use languages::Amount;
use load::Load;
use report::Report;
use round::Rounds;
use std::path::PathBuf;
use std::time::Duration;

/// What can be asked of the command.
#[derive(Debug, Parser)]
#[command(
    name = "hookbox-bench",
    about = "Measures Hookbox side by side with others"
)]
struct Args {
    /// Once, for a second, to see that everything works; nothing is written
    #[arg(long)]
    quick: bool,
    /// Only this one, or these; the other figures are left out
    #[arg(long, value_name = "NAME")]
    only: Vec<Contestant>,
    /// Only what outgoing calls cost
    #[arg(long, conflicts_with = "only")]
    calls: bool,
    /// Only what a plugin takes in each language; fetches the tools of Python and JavaScript
    #[arg(long, conflicts_with_all = ["only", "calls"])]
    languages: bool,
    /// How long each contestant is loaded in a round
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// How many rounds there are
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: u64,
    /// A hookbox binary that was built already, in place of the one that is built
    #[arg(long, value_name = "FILE")]
    hookbox: Option<PathBuf>,
    /// The folder that ledgers lie in meanwhile, on the disk that is to be measured
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Words of your own on the conditions, for the report
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Where the report is written; without --quick and --only: docs/benchmarks.md
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Serves as one of this command's own contestants
    #[arg(hide = true)]
    serve: Option<String>,
}

impl Args {
    fn load(&self) -> Load {
        let ms = |ms| Duration::from_millis(ms);
        Load {
            connections: self.connections.max(1),
            warm_up: if self.quick { ms(200) } else { ms(1000) },
            time: if self.quick {
                ms(1000)
            } else {
                Duration::from_secs(self.seconds.max(1))
            },
        }
    }

    /// How often contestants are loaded.
    fn rounds(&self) -> usize {
        if self.calls || self.languages {
            0
        } else if self.quick {
            1
        } else {
            self.rounds.max(1)
        }
    }

    /// Whether everything is measured.
    const fn is_whole(&self) -> bool {
        self.only.is_empty() && !self.calls && !self.languages
    }

    const fn written(&self) -> Amount {
        if self.quick {
            Amount {
                deliveries: 20,
                starts: 1,
            }
        } else {
            Amount {
                deliveries: 500,
                starts: 7,
            }
        }
    }

    const fn amount(&self) -> Calls {
        if self.quick {
            Calls {
                rounds: 1,
                times: 20,
            }
        } else {
            Calls {
                rounds: 5,
                times: 1000,
            }
        }
    }

    fn out(&self) -> Option<PathBuf> {
        let is_kept = !self.quick && self.is_whole() && profile() == "release";
        let usual = is_kept.then(|| workspace().join("docs/benchmarks.md"));
        self.out.clone().or(usual)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    match &args.serve {
        // As the host does: as many threads as there are processors.
        Some(command) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(contestant::serve(command)),
        None => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(measure(args)),
    }
}

async fn measure(args: Args) -> Result<()> {
    let work = args.work.clone().unwrap_or_else(|| target().join("bench"));
    std::fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    let place = Place {
        built: Built::with(args.hookbox.clone())?,
        work: work.canonicalize()?,
    };
    let whole = args.is_whole();
    let (contestants, skipped) = prepare(&args, &place).await?;
    let mut report = Report {
        machine: machine::told(&place.work),
        note: args.note.clone(),
        load: args.load(),
        rounds: args.rounds(),
        contestants,
        skipped,
        sandboxed: None,
        waited: None,
        called: None,
        written: None,
        started: None,
    };
    for number in 1..=report.rounds {
        eprintln!("round {number} of {}", report.rounds);
        for rounds in &mut report.contestants {
            let figures = round::measure(rounds.contestant, &place, report.load).await?;
            eprintln!("  {}", report::line(rounds.contestant, &figures));
            rounds.figures.push(figures);
        }
    }
    if whole {
        eprintln!("waiting for runs, and starts");
        report.waited = Some(wait::measure(&place, if args.quick { 20 } else { 1000 }).await?);
        report.started = Some(start::measure(&place, if args.quick { 1 } else { 10 }).await?);
        if !args.quick && profile() == "release" {
            report.sandboxed = Some(sandboxed::measure()?);
        }
    }
    if whole || args.calls {
        eprintln!("outgoing calls");
        report.called = Some(calls::measure(&place, args.amount()).await?);
    }
    if (whole && !args.quick) || args.languages {
        eprintln!("languages");
        report.written = Some(languages::measure(&place, args.written()).await?);
    }
    let text = report.to_markdown();
    println!("{text}");
    if let Some(out) = args.out() {
        std::fs::write(&out, text).with_context(|| out.display().to_string())?;
        eprintln!("written to {}", out.display());
    }
    Ok(())
}

type Skipped = Vec<(Contestant, String)>;

/// Those who can be measured here, and those who cannot.
async fn prepare(args: &Args, place: &Place) -> Result<(Vec<Rounds>, Skipped)> {
    let (mut able, mut skipped) = (Vec::new(), Vec::new());
    for contestant in Contestant::ALL {
        if !args.is_whole() && !args.only.contains(&contestant) {
            continue;
        }
        match contestant.prepare(place).await? {
            Some(reason) => {
                eprintln!("{} is left out: {reason}", contestant.name());
                skipped.push((contestant, reason));
            }
            None => able.push(Rounds {
                contestant,
                version: contestant.version(place).await,
                figures: Vec::new(),
            }),
        }
    }
    Ok((able, skipped))
}
