//! Servers that a plugin calls and that do their worst: the call ends in its time and says why, what it took is given
//! back, and nobody else notices.

use hookbox_tests::{Host, Process, Request, Server, after, event, eventually, eventually_or};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest that a call which ends after half a second may be seen to take, on a busy machine.
const SOON_MS: u64 = 6_000;

/// The longest that a neighbour's sender may have to wait meanwhile.
const QUICK: Duration = Duration::from_secs(8);

/// By how much a host may have grown, as promised.
const GROWTH_MAX: u64 = 32 << 20;

/// By how much it may grow at first.
const FIRST_MAX: u64 = 64 << 20;

/// How often all of it is done.
const ROUNDS: usize = 3;

type Rudeness = fn(&mut TcpStream) -> io::Result<()>;

/// What a server does, what its entry says besides, and how the call ends that is kept.
struct Row {
    name: &'static str,
    rudeness: Rudeness,
    entry: &'static str,
    kept: &'static str,
}

const fn row(
    name: &'static str,
    rudeness: Rudeness,
    entry: &'static str,
    kept: &'static str,
) -> Row {
    Row {
        name,
        rudeness,
        entry,
        kept,
    }
}

const BRIEF: &str = "timeout = \"500ms\"";

const ROWS: &[Row] = &[
    row("never answers", silence, BRIEF, "no answer in time"),
    row(
        "never finishes TLS",
        silence,
        "timeout = \"500ms\"\nscheme = \"https\"",
        "connecting took too long",
    ),
    row("drips", drip, BRIEF, "the answer took too long"),
    row("goes on informing", inform, BRIEF, "no answer in time"),
    row(
        "announces ten gigabytes",
        announce,
        "",
        "the answer is larger than `response-max` (8388608 bytes)",
    ),
    row(
        "sends ten gigabytes",
        flood,
        "response-max = \"1MiB\"",
        "the answer is larger than `response-max` (1048576 bytes)",
    ),
    row(
        "sends 100,000 fields",
        fields,
        "",
        "the head of the answer is too large",
    ),
    row(
        "sends a field without end",
        field,
        "",
        "the head of the answer is too large",
    ),
    row("sends a gzip bomb", bomb, "", ""),
];

/// Takes what comes, and says nothing.
fn silence(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

fn drip(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
    loop {
        stream.write_all(b"x")?;
        after(Duration::from_millis(10));
    }
}

fn inform(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    loop {
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")?;
    }
}

fn announce(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")?;
    loop {
        stream.write_all(&[b'x'; 64 * 1024])?;
    }
}

fn flood(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let chunk = [&b"10000\r\n"[..], &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..10 * (1 << 30) / 0x10000_u64 {
        stream.write_all(&chunk)?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn fields(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
    for at in 0..100_000 {
        stream.write_all(format!("x-{at}: y\r\n").as_bytes())?;
    }
    stream.write_all(b"\r\n")
}

fn field(stream: &mut TcpStream) -> io::Result<()> {
    Request::read(stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
    loop {
        stream.write_all(&[b'y'; 4096])?;
    }
}

/// The bytes of the bomb: few enough for a guest; unpacked they are 95 MB, more than it may have.
const BOMB_BYTES: usize = 600_000;

/// An answer of zeros as gzip (RFC 1952, RFC 1951): a match of 258 bytes takes 13 bits, so the same 13 bytes come again and
/// again.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    // One last block of fixed codes: a zero, then length 258 at distance 1, bit by bit from the lowest.
    let first = [1_u8, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    let again = [1_u8, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits = first.into_iter().chain(again.into_iter().cycle());
    let bits: Vec<u8> = bits.take((BOMB_BYTES - 10) * 8).collect();
    let packed = bits
        .chunks(8)
        .map(|bits| (0..).zip(bits).map(|(at, bit)| bit << at).sum());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {BOMB_BYTES}\r\n\r\n"
    );
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        .into_iter()
        .chain(packed);
    head.into_bytes().into_iter().chain(gzip).collect()
});

fn bomb(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        Request::read(stream)?;
        stream.write_all(&BOMB)?;
    }
}

/// The entry that a row's server is called by.
fn entry(server: &Server, row: &Row) -> String {
    let entry = server.entry(row.entry);
    if row.entry.contains("https") {
        entry.replacen("scheme = \"http\"\n", "", 1)
    } else {
        entry
    }
}

/// The call that an attempt keeps.
fn call(host: &Host, url: &str) -> Value {
    let mut asked = event("repo", "update", "a/call");
    asked["calls"] = json!([{ "url": url }]);
    let to = host.hub();
    let answer = to.deliver(&asked).to("/webhooks/caller").wait(20).send();
    let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
    assert_eq!(attempt["outcome"], "done", "{url}: {attempt:#}");
    attempt["calls"][0].clone()
}

/// What came of a row's call.
fn ends(host: &Host, server: &Server, row: &Row) {
    let scheme = if row.entry.contains("https") {
        "https"
    } else {
        "http"
    };
    let call = call(host, &format!("{scheme}://{}/", server.name()));
    if row.kept.is_empty() {
        assert_eq!(
            (&call["status"], &call["bytes"]),
            (&json!(200), &json!(BOMB_BYTES)),
            "{}: {call}",
            row.name
        );
    } else {
        assert_eq!(call["error"], row.kept, "{}: {call}", row.name);
    }
    assert!(
        call["ms"].as_u64().unwrap() < SOON_MS,
        "{}: {call}",
        row.name
    );
}

/// Delivers to a neighbour until it is told that all is over; how often, and the longest that one took.
fn neighbour(host: &Host, is_over: &AtomicBool) -> (u32, Duration) {
    let (mut times, mut longest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let next = event("repo", "update", "a/b");
        let to = host.hub();
        let answer = to
            .deliver(&next)
            .to("/webhooks/guest-counter")
            .wait(20)
            .send();
        assert_eq!(answer.run("guest-counter")["outcome"], "done", "{answer:?}");
        longest = longest.max(began.elapsed());
        times += 1;
    }
    (times, longest)
}

/// All rows at once, beside the neighbour.
fn round(host: &Host, servers: &[Server]) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| neighbour(host, &is_over));
        let rude: Vec<_> = servers
            .iter()
            .zip(ROWS)
            .map(|(server, row)| scope.spawn(|| ends(host, server, row)))
            .collect();
        let ended: Vec<_> = rude.into_iter().map(|row| row.join().is_ok()).collect();
        is_over.store(true, Ordering::Relaxed);
        let (times, longest) = beside.join().unwrap();
        assert!(ended.iter().all(|ended| *ended), "{ended:?}: see above");
        assert!(
            times > 0 && longest < QUICK,
            "{times} deliveries, at most {longest:?}"
        );
    });
}

fn sockets(process: Process) -> usize {
    let files = process.files();
    files
        .iter()
        .filter(|(_, target)| target.starts_with("socket:"))
        .count()
}

#[test]
fn a_rude_server_costs_a_plugin_its_call_and_nobody_anything_else() {
    // Given servers that do their worst, and a plugin that may call them
    let servers: Vec<Server> = ROWS.iter().map(|row| Server::doing(row.rudeness)).collect();
    let entries: String = servers
        .iter()
        .zip(ROWS)
        .map(|(server, row)| entry(server, row))
        .collect();
    let host = Host::with(&["guest-counter"])
        .plugin_as("caller", "guest-hostile")
        .grant(
            "caller",
            &format!("concurrency = 16\nfuel = 10_000_000_000\ntimeout = \"15s\"\n{entries}"),
        )
        .start();
    let process = host.process();
    let (before, fresh) = (sockets(process), process.bytes("RssAnon").unwrap());
    // When it calls all of them at once, again and again: each call ends in its time, and a neighbour goes on
    round(&host, &servers);
    let grown = process.bytes("RssAnon").unwrap();
    // What is set up for the first calls stays: authorities, threads, buffers
    let first = grown.saturating_sub(fresh);
    assert!(first < FIRST_MAX, "{first} bytes more after one round");
    for _ in 1..ROUNDS {
        round(&host, &servers);
    }
    // Then nothing of it is held any more, but for one connection that can be used again
    let held = process.bytes("RssAnon").unwrap().saturating_sub(grown);
    assert!(held < GROWTH_MAX, "{held} bytes more");
    let left = eventually_or(QUICK, || (sockets(process) <= before + 1).then_some(()));
    assert!(left.is_some(), "{before} at first: {:#?}", process.files());
    assert_eq!(host.hub().request("GET", "/readyz").send().status, 200);
}

#[test]
fn a_redirect_to_this_machine_or_to_the_host_itself_leads_nowhere() {
    // Given a server that sends its callers to the host, whose port the plugin may even call
    let server = Server::doing(|stream| {
        let path = Request::read(stream)?
            .path()
            .trim_start_matches('/')
            .to_owned();
        stream.write_all(
            format!("HTTP/1.1 302 Found\r\nlocation: http://{path}/\r\ncontent-length: 0\r\n\r\n")
                .as_bytes(),
        )
    });
    let host = Host::with(&[])
        .plugin_as("caller", "guest-hostile")
        .grant("caller", &server.entry(""))
        .start();
    let own = host.address().to_owned();
    let granted = format!(
        "{}[[http]]\nhost = \"{own}\"\nscheme = \"http\"\nprivate = true\n",
        server.entry("")
    );
    host.replace("plugins/caller.toml", &granted);
    let mut asked = event("repo", "update", "a/call");
    asked["calls"] = json!([
        { "url": server.url(&format!("/{own}")) }, { "url": format!("http://{own}/") },
        { "url": server.url("/127.0.0.1:1") }, { "url": "http://127.0.0.1:1/" },
    ]);
    // When it goes where it is sent
    let attempt = eventually(QUICK, || {
        asked["repo"]["id"] = event("repo", "update", "a/call")["repo"]["id"].clone();
        let answer = host.hub().deliver(&asked).wait(20).send();
        let attempt = host.delivery(&answer.id())["runs"][0]["attempts"][0].clone();
        let by = attempt["calls"][1]["denied_by"].as_str()?.to_owned();
        (!by.starts_with("host:")).then_some(attempt)
    });
    // Then the host follows nothing by itself, and denies the plugin both
    let said: Value = serde_json::from_str(attempt["output"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&said[0]["status"], &said[0]["headers"]["location"]),
        (&json!(302), &json!(format!("http://{own}/")))
    );
    let by = |at: usize| {
        attempt["calls"][at]["denied_by"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(by(1).ends_with("is hookbox itself"), "{attempt:#}");
    assert!(by(3).starts_with("host: add to "), "{attempt:#}");
}
