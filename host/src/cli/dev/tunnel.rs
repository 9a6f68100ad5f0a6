//! The user's own tunnel client, run beside the host: its output is shown, its environment holds no secret of ours.

use crate::cli::child::{Children, command};
use crate::cli::output;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::sync::watch;

/// The longest line that is shown in one piece, in bytes.
const LINE_BYTES_MAX: u64 = 1000;

/// Runs the client until it ends or `stop` turns true; then nothing of it is left. It is not started again: most
/// clients come back with another address, which has to be pasted into the Hub.
pub async fn run(
    client: &str,
    address: SocketAddr,
    children: &Children,
    mut stop: watch::Receiver<bool>,
) {
    let mut shell = command("sh", Path::new("."));
    shell
        .args(["-c", &filled_in(client, address)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut group = match children.start(&mut shell) {
        Ok(group) => group,
        Err(error) => return say(&format!("cannot be started: {error}")),
    };
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    tokio::select! {
        (status, (), ()) = async { tokio::join!(group.child.wait(), show(stdout), show(stderr)) } => {
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            say(&format!("ended ({how}); start `hookbox dev` again for another"));
        }
        _ = stop.wait_for(|stop| *stop) => {}
    }
    group.end().await;
}

/// The command with the host's address in it.
fn filled_in(client: &str, mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    client
        .replace("{port}", &address.port().to_string())
        .replace("{url}", &format!("http://{address}"))
}

async fn show(pipe: Option<impl AsyncRead + Unpin>) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut reader)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await
    {
        let text = String::from_utf8_lossy(&line);
        say(text.trim_end());
        line.clear();
    }
}

fn say(text: &str) {
    // Its colours would be noise once they are made visible.
    let text = anstream::adapter::strip_str(text).to_string();
    output::tell(&format!("tunnel | {}", output::one_line(&text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_where_the_host_is() {
        let filled = |address: &str| filled_in("t {port} {url}", address.parse().unwrap());
        assert_eq!(filled("127.0.0.1:81"), "t 81 http://127.0.0.1:81");
        assert_eq!(filled("0.0.0.0:81"), "t 81 http://127.0.0.1:81");
        assert_eq!(filled("[::1]:81"), "t 81 http://[::1]:81");
    }
}
