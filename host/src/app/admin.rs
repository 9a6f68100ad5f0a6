//! The admin listener, wired: where it is, what it answers to, and how its operator hears of it.

use super::public_url;
use crate::admin::token::{Held, Place, VARIABLE};
use crate::admin::{
    Admin, AdminAddress, AdminMetrics, Desk, MetricsFor, Mount, Names, base_url, note_address,
};
use crate::config::Config;
use crate::server::{self, Handler, ServerConfig};
use anyhow::Context as _;
use hyper::Uri;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Connections at once: operators are few.
const CONNECTIONS_MAX: usize = 64;

/// The admin listener, ready to be served.
pub struct Door {
    admin: Arc<Admin>,
    /// A listener of its own; none if it is the public one.
    listener: Option<TcpListener>,
    /// Where it is.
    address: SocketAddr,
    /// The page's address.
    page: String,
    place: Place,
}

impl Door {
    /// Binds its listener, if it has one of its own, and writes down where the API is.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn open(
        config: &Config,
        public: SocketAddr,
        Held { token, place }: Held,
        desk: Desk,
        metrics: AdminMetrics,
    ) -> anyhow::Result<Self> {
        let (listener, page) = bind(config, public).await?;
        let address = match &listener {
            Some(listener) => listener.local_addr()?,
            None => public,
        };
        let mount = mount(config, address);
        note(
            config.data.clone(),
            base_url(address, config.admin.prefix()),
        )
        .await;
        Ok(Self {
            admin: Arc::new(Admin::new(mount, token, desk, metrics)),
            listener,
            address,
            page,
            place,
        })
    }

    /// Where it listens: the public listener's address if it has none of its own.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the public listener serves under `/admin`.
    #[must_use]
    pub fn under_public(&self) -> Option<Arc<dyn Handler>> {
        let admin = Arc::clone(&self.admin);
        self.listener.is_none().then_some(admin as Arc<dyn Handler>)
    }

    /// Says where the page is, and its token: that itself only once, and only to somebody who looks on.
    pub fn greet(&self) {
        let page = &self.page;
        let line = match &self.place {
            Place::Made { text, .. } if std::io::stdout().is_terminal() => {
                format!("admin page on {page}?token={text}")
            }
            Place::Made { path, .. } | Place::Kept(path) => {
                format!("admin page on {page} (token in {})", path.display())
            }
            Place::Environment => format!("admin page on {page} (token in {VARIABLE})"),
        };
        // Whoever started it may not be listening any more; the host goes on.
        drop(writeln!(std::io::stdout(), "{line}"));
    }

    /// Serves its own listener, if it has one, until `stopping`.
    #[must_use]
    pub fn serve(
        self,
        config: ServerConfig,
        stopping: watch::Receiver<bool>,
    ) -> Option<JoinHandle<()>> {
        let config = ServerConfig {
            connections_max: CONNECTIONS_MAX,
            ..config
        };
        let listener = self.listener?;
        Some(tokio::spawn(server::run(
            listener, self.admin, config, stopping,
        )))
    }
}

/// Its own listener, if it has one, and the page's address.
async fn bind(
    config: &Config,
    public: SocketAddr,
) -> anyhow::Result<(Option<TcpListener>, String)> {
    let AdminAddress::Address(wanted) = config.admin else {
        let prefix = config.admin.prefix();
        return Ok((None, format!("{}{prefix}/", public_url(config, public))));
    };
    let listener = server::bind(wanted).with_context(|| {
        format!("cannot listen on {wanted} for the admin page; choose another address with --admin")
    })?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            "the admin page on {address} is plain HTTP: whoever listens on the way can take its token; put a proxy \
             with TLS before it"
        );
    }
    Ok((Some(listener), shown(address)))
}

/// What it answers to, and as what.
fn mount(config: &Config, address: SocketAddr) -> Mount {
    let uri: Option<Uri> = config.public_url.parse().ok();
    let name = uri.as_ref().and_then(Uri::host).map(str::to_owned);
    let https = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
    let same = config.admin == AdminAddress::Same;
    let open = !same && address.ip().is_loopback();
    let names: Vec<String> = name.into_iter().chain(config.space_hosts.clone()).collect();
    Mount {
        https: if https && same {
            names.clone()
        } else {
            Vec::new()
        },
        names: Names::new(names),
        metrics: if open {
            MetricsFor::Everybody
        } else {
            MetricsFor::Operators
        },
    }
}

/// The page's address for people: one that stands for all of them is nobody's.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}/", address.port())
    } else {
        format!("http://{address}/")
    }
}

async fn note(data: PathBuf, base: String) {
    let noted = tokio::task::spawn_blocking(move || note_address(&data, Some(&base))).await;
    if let Ok(Err(error)) = noted {
        tracing::warn!(%error, "commands will not find the admin listener");
    }
}
