//! What a plugin's outgoing call costs, against a bare hyper client that calls the same server: over a connection that is
//! kept, over a new one, with the write budget's commit, and beside plugins that spin.

use crate::contestant::{Hookbox, Place, Plugins, Running, serve_called};
use crate::http::Connection;
use crate::numbers::{median, quantile};
use crate::payload::SECRET;
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The plugins that spin, in the last row.
pub const SPINNERS: usize = 4;

/// The bytes of a request's body.
pub const BODY_BYTES: usize = 1024;

/// How long one of them spins at a time.
const SPIN: Duration = Duration::from_secs(4);

/// For how many of the calls of other kinds one is made beside them: each of them is slow.
const ALONE_FOR_CROWDED: u64 = 20;

/// Calls are not what these bounds are about.
const GRANT: &str = "fuel = 1_000_000_000_000\ntimeout = \"60s\"\nretry = { attempts = 1 }\n";

/// A kind of call.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    path: &'static str,
    has_body: bool,
    is_crowded: bool,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "GET, connection kept",
        path: "/",
        has_body: false,
        is_crowded: false,
    },
    Kind {
        name: "POST of 1 KiB, connection kept; a plugin's is counted in the ledger first",
        path: "/",
        has_body: true,
        is_crowded: false,
    },
    Kind {
        name: "GET, a new connection each",
        path: "/close",
        has_body: false,
        is_crowded: false,
    },
    Kind {
        name: "GET, connection kept, beside plugins that spin",
        path: "/",
        has_body: false,
        is_crowded: true,
    },
];

/// One line of the table.
pub struct Called {
    /// What.
    pub name: &'static str,
    /// Microseconds of a call of the bare client, in the median.
    pub bare_us: f64,
    /// The same of a plugin's.
    pub p50_us: f64,
    /// The same of the slowest hundredth.
    pub p99_us: f64,
    /// How many times as long a plugin's takes, round against round, in the median.
    pub ratio: f64,
}

/// How much is called.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// In turns.
    pub rounds: usize,
    /// Of each kind in a round: all of a plugin's are made by one attempt.
    pub times: u64,
}

/// Has both call, in turns.
///
/// # Errors
/// If a call fails.
pub async fn measure(place: &Place, calls: Calls) -> Result<Vec<Called>> {
    let called = serve_called().await?;
    let hookbox = Hookbox::new(place, &plugins(place, called.address)?)?;
    let host = hookbox.start_once().await?;
    let mut plugin = Plugin::of(&host);
    let mut measured = Vec::new();
    for kind in KINDS {
        let (mut bare, mut own) = (Vec::new(), Vec::new());
        // The first round finds caches cold.
        for round in 0..=calls.rounds {
            let times = if kind.is_crowded {
                calls.times.div_ceil(ALONE_FOR_CROWDED)
            } else {
                calls.times
            };
            let theirs = alone(called.address, *kind, times).await?;
            let ours = plugin.call(called.address, *kind, times).await?;
            if round > 0 {
                bare.push(theirs);
                own.push(ours);
            }
        }
        measured.push(row(kind.name, &bare, &own));
    }
    host.stop().await?;
    called.stop().await?;
    Ok(measured)
}

fn row(name: &'static str, bare: &[Vec<f64>], own: &[Vec<f64>]) -> Called {
    let rounds = bare.iter().zip(own);
    let ratios = rounds.map(|(bare, own)| median(own) / median(bare).max(f64::EPSILON));
    Called {
        name,
        bare_us: median(&bare.concat()),
        p50_us: median(&own.concat()),
        p99_us: quantile(&own.concat(), 0.99),
        ratio: median(&ratios.collect::<Vec<_>>()),
    }
}

/// The plugin that calls, and those that spin.
fn plugins(place: &Place, called: SocketAddr) -> Result<Plugins> {
    let component = std::fs::read(&place.built.caller)?;
    let entry = format!(
        "[[http]]\nhost = \"{called}\"\nscheme = \"http\"\nprivate = true\nmethods = [\"GET\", \"POST\"]\n\
         requests = 10_000\nwrites-per-hour = 1_000_000\n"
    );
    let mut files = vec![
        ("caller.wasm".to_owned(), component.clone()),
        (
            "caller.toml".to_owned(),
            format!("{GRANT}{entry}").into_bytes(),
        ),
    ];
    for number in 0..SPINNERS {
        files.push((format!("spinner-{number}.wasm"), component.clone()));
        let one = format!("concurrency = 1\n{GRANT}");
        files.push((format!("spinner-{number}.toml"), one.into_bytes()));
    }
    Ok(Plugins::Files(files))
}

/// A client as hyper's users have it, in this process.
async fn alone(called: SocketAddr, kind: Kind, times: u64) -> Result<Vec<f64>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut took = Vec::new();
    for _ in 0..times {
        let request = Request::builder().uri(format!("http://{called}{}", kind.path));
        let request = if kind.has_body {
            let body = Bytes::from(vec![b'x'; BODY_BYTES]);
            request.method("POST").body(Full::new(body))?
        } else {
            request.body(Full::default())?
        };
        let began = Instant::now();
        let answer = client.request(request).await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        answer.into_body().collect().await?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(took)
}

/// Whoever has the plugin call.
struct Plugin {
    host: SocketAddr,
    deliveries: u64,
}

impl Plugin {
    const fn of(host: &Running) -> Self {
        Self {
            host: host.address,
            deliveries: 0,
        }
    }

    /// Has it make these calls in one attempt; how many microseconds each took it.
    async fn call(&mut self, called: SocketAddr, kind: Kind, times: u64) -> Result<Vec<f64>> {
        let url = format!("http://{called}{}", kind.path);
        let body = kind.has_body.then_some(BODY_BYTES);
        let asked = json!({ "url": url, "times": times, "body": body });
        let began = Instant::now();
        if kind.is_crowded {
            self.spin("wait=0", SPIN).await?;
        }
        let answer = self.deliver("caller", "wait=25", asked).await?;
        let output = answer.pointer("/runs/0/output").and_then(Value::as_str);
        let output = output.with_context(|| format!("the plugin did not call: {answer}"))?;
        let took: Vec<u64> = serde_json::from_str(output).with_context(|| output.to_owned())?;
        if kind.is_crowded {
            ensure!(
                began.elapsed() < SPIN,
                "the calls took longer than others spun"
            );
            // Behind what they do: until it is done.
            self.spin("wait=25", Duration::ZERO).await?;
        }
        Ok(took
            .into_iter()
            .map(|nanoseconds| nanoseconds as f64 / 1000.0)
            .collect())
    }

    /// Has the others spin for so long, one attempt of each at a time.
    async fn spin(&mut self, prefer: &str, time: Duration) -> Result<()> {
        let ms = u64::try_from(time.as_millis())?;
        for number in 0..SPINNERS {
            let spin = json!({ "spin": ms });
            self.deliver(&format!("spinner-{number}"), prefer, spin)
                .await?;
        }
        Ok(())
    }

    /// Delivers an event of a repo of its own.
    async fn deliver(&mut self, plugin: &str, prefer: &str, asked: Value) -> Result<Value> {
        self.deliveries += 1;
        let mut event = json!({
            "event": { "action": "update", "scope": "repo" },
            "repo": { "type": "model", "name": "bench/call", "id": format!("{:024x}", self.deliveries) },
        });
        for (name, value) in asked.as_object().into_iter().flatten() {
            if let Some(event) = event.as_object_mut() {
                event.insert(name.clone(), value.clone());
            }
        }
        let body = event.to_string();
        let request = format!(
            "POST /webhooks/{plugin} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-webhook-secret: {SECRET}\r\nprefer: {prefer}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // One for each: a host closes what lies idle while others are measured.
        let mut connection = Connection::new(self.host);
        let status = connection.exchange(request.as_bytes()).await?;
        ensure!(matches!(status, 200 | 202), "{plugin} is answered {status}");
        Ok(serde_json::from_slice(connection.body())?)
    }
}
