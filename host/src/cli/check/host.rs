//! What the host itself would trip over: its settings, its secrets, its address, and the limits of its process.

use super::findings::Findings;
use crate::admin::{AdminAddress, token};
use crate::app::connections_within;
use crate::config::{Config, NoSecret, Reading};
use crate::secret::Secret;
use rustix::process::{Resource, getrlimit};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpSocket;

/// What is wrong with the settings.
pub fn settings(reading: &Reading, findings: &mut Findings) {
    for problem in &reading.problems {
        findings.error(&problem.subject, &problem.reason);
    }
    for hint in &reading.config.hints {
        findings.warning(&hint.subject, &hint.reason);
    }
    if let Some(file) = &reading.file {
        findings.note(file.display(), "the file of settings");
    }
    if !reading.problems.is_empty() {
        findings.note(
            "settings",
            "where one cannot be used, its default is looked at in its place",
        );
    }
}

/// Whether the secrets are good ones. That they can be read belongs to the settings.
pub fn secrets(config: &Config, findings: &mut Findings) {
    let secrets = &config.loader.secrets;
    let open = !config.listen.ip().is_loopback();
    if secrets.is_empty() && open && config.no_secret == NoSecret::Insecure {
        findings.warning(
            config.listen,
            "open to other machines without a secret: anybody can post deliveries",
        );
    } else if secrets.is_empty() && !open {
        findings.warning(
            "secrets",
            "no webhook secret is configured: whoever reaches this host can post deliveries; set WEBHOOK_SECRET (make \
             one with 'hookbox secret')",
        );
    }
    if secrets.iter().any(Secret::is_short) {
        findings.warning(
            "secrets",
            "a webhook secret is shorter than 16 bytes; make a better one with 'hookbox secret'",
        );
    }
}

/// Whether both listeners' addresses can be had. `running` is the process that serves the data folder now: that an
/// address is in use then is no fault.
pub fn addresses(config: &Config, running: Option<u32>, findings: &mut Findings) {
    address(config.listen, "--listen", running, findings);
    if let AdminAddress::Address(admin) = config.admin {
        address(admin, "--admin", running, findings);
        if !admin.ip().is_loopback() {
            findings.warning(
                admin,
                "the admin page is plain HTTP there: whoever listens on the way can take its token; put a proxy with \
                 TLS before it",
            );
        }
    }
}

fn address(address: SocketAddr, flag: &str, running: Option<u32>, findings: &mut Findings) {
    let Err(error) = try_bind(address) else {
        return;
    };
    match (error.kind(), running) {
        (ErrorKind::AddrInUse, Some(process)) => findings.note(
            address,
            format!("in use, as is to be expected while a host runs (process {process})"),
        ),
        (ErrorKind::AddrInUse, None) => findings.error(
            address,
            format!("in use by another program; choose another address with {flag}"),
        ),
        _ => findings.error(
            address,
            format!("{error}; choose another address with {flag}"),
        ),
    }
}

/// Takes an address and lets it go, without ever listening on it.
fn try_bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As the host does: connections that have just ended are no obstacle.
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Whether the operator's token can be used, if it is there already.
pub fn token(config: &Config, findings: &mut Findings) {
    // What else is there in the place of the folder is told of the folder.
    if config.admin_token.is_none()
        && config.data.is_dir()
        && let Err(error) = token::read(&config.data)
    {
        findings.error("admin token", error);
    }
}

/// Whether the process may have what it is to use.
pub fn limits(config: &Config, findings: &mut Findings) {
    let files = getrlimit(Resource::Nofile).maximum;
    let Some(files) = files.and_then(|files| usize::try_from(files).ok()) else {
        return;
    };
    let connections = connections_within(files);
    if config.server.connections_max > connections {
        findings.warning(
            "connections-max",
            format!(
                "only {files} files may be open (ulimit -n), so {connections} connections are served at once; raise \
                 that limit or lower connections-max"
            ),
        );
    }
}
