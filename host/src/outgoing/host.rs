//! Hosts as they are compared: what a guest asks for and what a grant names go through one function.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZero;

/// The longest name of a host, in bytes (RFC 1035, section 2.3.4, without the root's).
const NAME_BYTES_MAX: usize = 253;

/// The longest label of a name, in bytes (RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// The longest text that is read as a host, in bytes: a name, or what IDNA makes one of, and a dot. A guest pays next to
/// nothing for having it read.
const TEXT_BYTES_MAX: usize = 255;

/// The scheme of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Plain HTTP.
    Http,
}

impl Scheme {
    /// The scheme of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Https, Self::Http]
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// Its own port (RFC 9110, section 4.2).
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host in the one form in which it is compared: a name in ASCII and lower case without a dot at its end, or an
/// address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name.
    Name(String),
    /// An address, however it was written.
    Address(IpAddr),
}

impl Host {
    /// Reads a host: IDNA, letters of any case, one dot at the end, and every way of writing an IPv4 address that
    /// the WHATWG's URL standard knows (`0x7f.1`, `2130706433`) come out in one form.
    ///
    /// # Errors
    /// Why it is no host.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > TEXT_BYTES_MAX {
            return Err("a host of more than 255 bytes");
        }
        // The parser decodes percent signs, which nobody needs in a host.
        if text.contains('%') {
            return Err("a percent sign in the host");
        }
        if text
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
        {
            return Err("a control character or a space in the host");
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err("no host");
        }
        // The parser would take another one from an address.
        if text.ends_with('.') {
            return Err("two dots at the end of the host");
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => Self::name(name),
            Ok(url::Host::Ipv4(address)) => Ok(Self::Address(address.into())),
            // One that stands for an address of version 4 is that.
            Ok(url::Host::Ipv6(address)) => Ok(Self::Address(address.to_canonical())),
            Err(_) => Err("not a host"),
        }
    }

    fn name(name: String) -> Result<Self, &'static str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let good = |label: &str| {
            !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.bytes().all(plain)
        };
        if name.len() > NAME_BYTES_MAX || !name.split('.').all(good) {
            return Err("not a name that a host can have");
        }
        Ok(Self::Name(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl Target {
    /// Reads `host` or `host:port`.
    ///
    /// # Errors
    /// Why it is neither.
    pub fn parse(scheme: Scheme, authority: &str) -> Result<Self, &'static str> {
        if authority.contains('@') {
            return Err("a user or password in the URL");
        }
        let (host, port) = split_port(authority)?;
        Ok(Self {
            scheme,
            host: Host::parse(host)?,
            port: port.unwrap_or_else(|| scheme.port()),
        })
    }

    /// The host, and the port where it is not the scheme's own: what the `Host` field says (RFC 9110, section 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// Splits `host:port`; an address of version 6 stands in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']').ok_or("a bracket without its end")?;
            let (host, port) = authority.split_at(end + 2);
            let port = (!port.is_empty()).then(|| port.strip_prefix(':').ok_or("not a port"));
            (host, port.transpose()?)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let Some(port) = port else {
        return Ok((host, None));
    };
    // One way of writing a port, as it is one of writing a host.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    let read = port.parse::<NonZero<u16>>().ok().filter(|_| digits);
    Ok((host, Some(read.ok_or("not a port")?.get())))
}

/// The hosts that an entry of a grant is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// One.
    Exact(Host),
    /// All below a name: `*.example.org`, kept as `.example.org`.
    Below(String),
}

impl HostPattern {
    /// Reads `host`, `host:port` or `*.suffix` as a grant names it, with the port if it names one.
    ///
    /// # Errors
    /// Why it cannot be used, and what to write.
    pub fn parse(text: &str) -> Result<(Self, Option<u16>), String> {
        if text.contains("://") || text.contains('/') {
            return Err(
                "write the host alone, as in `huggingface.co`: `scheme` and `paths` are keys of their own".to_owned(),
            );
        }
        if text.contains('@') {
            return Err(
                "no user or password stands in a host; name a credential by `bearer`".to_owned(),
            );
        }
        let told = |reason: &str| format!("{reason}; write `huggingface.co` or `example.org:8443`");
        let (host, port) = split_port(text).map_err(told)?;
        let pattern = match host.strip_prefix("*.") {
            Some(suffix) => Self::below(suffix)?,
            None => Self::Exact(Host::parse(host).map_err(told)?),
        };
        Ok((pattern, port))
    }

    fn below(suffix: &str) -> Result<Self, String> {
        match Host::parse(suffix) {
            Ok(Host::Name(name)) if name.contains('.') => Ok(Self::Below(format!(".{name}"))),
            Ok(Host::Name(_)) => {
                Err("after `*.` stand two labels or more, as in `*.example.org`".to_owned())
            }
            Ok(Host::Address(_)) | Err(_) => {
                Err("after `*.` stands a name, as in `*.example.org`".to_owned())
            }
        }
    }

    /// Whether it is for this host. `*.` stands for one label or more.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(own), host) => own == host,
            (Self::Below(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (Self::Below(_), Host::Address(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}
