//! How a call ends that was sent, or was about to be, and got no whole answer.
//!
//! The words are ours: what a server or a library says of itself goes into none of them.

use hyper_util::client::legacy;
use std::error::Error;
use std::io;
use std::net::IpAddr;

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The name's lookup took too long.
    #[error("the name was not resolved in time")]
    LookupTimeout,
    /// An address of the host is none that may be connected to.
    #[error("{address} is {what}{mend}")]
    Prohibited {
        /// The address.
        address: IpAddr,
        /// What it is.
        what: &'static str,
        /// What would open it, if anything does.
        mend: &'static str,
    },
    /// Nobody listens there.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// There is no way there.
    #[error("the host cannot be reached")]
    Unreachable,
    /// The plugin, or all of them, have as many connections as they may.
    #[error("too many connections are open")]
    Crowded,
    /// Connecting, TLS included, took too long.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The certificate is not one for the host, or of nobody that is trusted.
    #[error("its certificate is not trusted for this host; `ca-file` names further authorities")]
    Certificate,
    /// The server said that it does not like us.
    #[error("the server ended TLS with alert {0}")]
    Alert(u8),
    /// TLS failed in another way.
    #[error("TLS failed")]
    Tls,
    /// There is nothing to check certificates with.
    #[error(
        "no certificate authority is known to this host; install the system's or name `ca-file`"
    )]
    NoRoots,
    /// The head of the answer is larger than we read.
    #[error("the head of the answer is too large")]
    HeadTooLarge,
    /// What came is not HTTP/1.1.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The connection was closed before an answer came.
    #[error("the connection was closed before the answer")]
    Closed,
    /// The server takes nothing of the request.
    #[error("the server does not take the request")]
    WriteTimeout,
    /// No answer began in time.
    #[error("no answer in time")]
    HeadTimeout,
    /// The body is larger than the grant allows.
    #[error("the answer is larger than `response-max` ({0} bytes)")]
    BodyTooLarge(u64),
    /// Nothing came for too long.
    #[error("the answer stood still for too long")]
    ReadTimeout,
    /// All of it took too long.
    #[error("the answer took too long")]
    TotalTimeout,
    /// The body ended before its end.
    #[error("the answer broke off")]
    Incomplete,
    /// The request's body is larger than is sent.
    #[error("the request is larger than {0} bytes")]
    RequestTooLarge(u64),
    /// The plugin gave the request's body up.
    #[error("the plugin gave the request's body up")]
    Abandoned,
    /// The attempt ended before the request was whole.
    #[error("the attempt ended")]
    Cancelled,
}

impl CallError {
    /// What a client's error comes from.
    #[must_use]
    pub(super) fn of_client(error: &legacy::Error) -> Self {
        Self::cause(error).unwrap_or(Self::Closed)
    }

    /// What broke a body off.
    #[must_use]
    pub(super) fn of_body(error: &hyper::Error) -> Self {
        match Self::cause(error) {
            // Once the head is there, what is missing is the rest.
            None | Some(Self::Closed | Self::NotHttp) => Self::Incomplete,
            Some(error) => error,
        }
    }

    /// What a connection's error is during TLS, or after it.
    #[must_use]
    pub(super) fn of_tls(error: &io::Error) -> Self {
        Self::of_rustls(error).unwrap_or(Self::Tls)
    }

    /// What an error of connecting to an address is.
    #[must_use]
    pub(super) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            _ => Self::Unreachable,
        }
    }

    fn of_rustls(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Some(Self::Certificate)
            }
            rustls::Error::AlertReceived(alert) => Some(Self::Alert((*alert).into())),
            _ => Some(Self::Tls),
        }
    }

    /// The innermost cause that says something: ours, TLS, or what hyper made of it.
    fn cause(error: &(dyn Error + 'static)) -> Option<Self> {
        let (mut cause, mut found) = (Some(error), None);
        while let Some(error) = cause {
            if let Some(own) = error.downcast_ref::<Self>() {
                return Some(own.clone());
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                // What is inside of it is not its source.
                let own = io.get_ref().and_then(|own| own.downcast_ref::<Self>());
                if let Some(known) = own.cloned().or_else(|| Self::of_rustls(io)) {
                    return Some(known);
                }
            }
            if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
                found = found.or_else(|| Self::of_hyper(hyper));
            }
            cause = error.source();
        }
        found
    }

    fn of_hyper(error: &hyper::Error) -> Option<Self> {
        if error.is_parse_too_large() {
            Some(Self::HeadTooLarge)
        } else if error.is_parse() {
            Some(Self::NotHttp)
        } else {
            None
        }
    }
}
