//! Where the operator's listener is: as it is configured, and as commands on the same machine find it.

use crate::admin::guard::near;
use rustix::fs::OFlags;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

/// The file of the API's address, in the data folder, while a host serves it.
const FILE: &str = "admin.address";

/// The word for the public listener.
const SAME: &str = "same";

/// What an operator's paths begin with on the public listener.
const PREFIX: &str = "/admin";

/// Where the operator's listener is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAddress {
    /// On an address of its own.
    Address(SocketAddr),
    /// Under `/admin` on the public listener.
    Same,
}

/// A text is neither an address nor `same`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither an address such as 127.0.0.1:8001 nor `same`")]
pub struct AdminAddressError;

impl AdminAddress {
    /// The default: loopback, so that nothing is open to others unless asked for.
    pub const DEFAULT: Self = Self::Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8001));

    /// What its paths begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Address(_) => "",
            Self::Same => PREFIX,
        }
    }
}

impl FromStr for AdminAddress {
    type Err = AdminAddressError;

    fn from_str(text: &str) -> Result<Self, AdminAddressError> {
        if text == SAME {
            return Ok(Self::Same);
        }
        text.parse()
            .map(Self::Address)
            .map_err(|_| AdminAddressError)
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Same => f.write_str(SAME),
        }
    }
}

/// The address of the API for this machine, without a slash at its end.
#[must_use]
pub fn base_url(listening: SocketAddr, prefix: &str) -> String {
    format!("http://{}{prefix}/api/v1", near(listening))
}

/// Writes down where the API is, for its owner alone; or that it is nowhere. Blocks.
///
/// # Errors
/// If the folder cannot be written to.
pub fn note_address(data: &Path, base: Option<&str>) -> std::io::Result<()> {
    let path = data.join(FILE);
    let Some(base) = base else {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    let mut file = tempfile::Builder::new()
        .prefix(".admin.address.")
        .tempfile_in(data)?;
    writeln!(file, "{base}")?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Where the API is, if a host wrote that down. Blocks.
///
/// # Errors
/// If the file is there and cannot be read.
pub fn noted_address(data: &Path) -> std::io::Result<Option<String>> {
    use std::io::Read as _;
    let mut options = OpenOptions::new();
    // A pipe would wait for its writer.
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.open(data.join(FILE)) {
        Ok(file) if !file.metadata()?.is_file() => return Ok(None),
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    let base = text.trim_end();
    Ok((!base.is_empty()).then(|| base.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        for text in ["127.0.0.1:8001", "[::]:9", "same"] {
            assert_eq!(text.parse::<AdminAddress>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "8001",
            "Same",
            "localhost:8001",
            "http://127.0.0.1:8001",
        ] {
            assert_eq!(
                text.parse::<AdminAddress>(),
                Err(AdminAddressError),
                "{text}"
            );
        }
    }

    #[test]
    fn what_stands_for_all_addresses_is_reached_by_loopback() {
        let url = |address: &str| base_url(address.parse().unwrap(), PREFIX);
        assert_eq!(url("0.0.0.0:7860"), "http://127.0.0.1:7860/admin/api/v1");
        assert_eq!(url("[::]:7860"), "http://[::1]:7860/admin/api/v1");
        assert_eq!(url("10.0.0.7:1"), "http://10.0.0.7:1/admin/api/v1");
    }
}
