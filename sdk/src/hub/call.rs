//! One call: the request, its redirects, and what its answer says.

use serde_json::Value;

use super::{Client, Error, ErrorKind};
use crate::http::{Request, Response, Target};
use crate::json::{self, Slot};

/// The most redirects that are followed when something is read.
const REDIRECTS_MAX: u32 = 3;

/// An answer that says yes.
pub struct Answer {
    /// Method and path of what was asked.
    call: String,
    pub response: Response,
}

impl Client {
    /// Reads a path of the Hub.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Error> {
        self.get_url(format!("{}{path}", self.endpoint()))
    }

    /// Reads an address of the Hub, and what it redirects to on the same host.
    pub(super) fn get_url(&self, url: String) -> Result<Answer, Error> {
        let mut request = Request::get(url);
        for _ in 0..=REDIRECTS_MAX {
            let answer = transmit(&request)?;
            match answer.redirect(&request)? {
                Some(next) => request = Request::get(next),
                None => return answer.checked(),
            }
        }
        let reason = format!("it redirects more than {REDIRECTS_MAX} times");
        Err(Error::new(ErrorKind::Unreadable, &shown(&request), reason))
    }

    /// Posts JSON to a path of the Hub.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Answer, Error> {
        self.change(Request::post(format!("{}{path}", self.endpoint())).json(body))
    }

    /// Sends a request that changes something: it is never sent anywhere else.
    pub(super) fn change(&self, request: Request) -> Result<Answer, Error> {
        let answer = transmit(&request)?;
        if let Some(next) = answer.redirect(&request)? {
            // What stands behind the path may be a signature.
            let path = Request::get(next)
                .path()
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned();
            return Err(Error::new(ErrorKind::Moved { path }, &answer.call, ""));
        }
        answer.checked()
    }
}

fn transmit(request: &Request) -> Result<Answer, Error> {
    let call = shown(request);
    match request.send() {
        Ok(response) => Ok(Answer { call, response }),
        Err(error) => Err(Error::transport(&call, error)),
    }
}

/// Method and path without the query.
fn shown(request: &Request) -> String {
    let path = request.path().split('?').next().unwrap_or_default();
    format!("{} {path}", request.method())
}

impl Answer {
    /// Where it redirects to, if it does, on the same host.
    fn redirect(&self, request: &Request) -> Result<Option<String>, Error> {
        if !matches!(self.response.status(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        match self.response.header("location") {
            Some(location) => same_origin(request.url(), location, &self.call).map(Some),
            None => Ok(None),
        }
    }

    fn checked(self) -> Result<Answer, Error> {
        if self.response.is_success() {
            Ok(self)
        } else {
            Err(Error::answered(&self.call, &self.response))
        }
    }

    /// What it says, typed.
    pub fn read<T: Slot + Default>(&self) -> Result<T, Error> {
        let mut value = T::default();
        match json::read(self.response.body(), &mut value) {
            Ok(true) => Ok(value),
            Ok(false) => Err(self.unreadable("its JSON is of another shape")),
            Err(fault) => Err(self.unreadable(&format!("it is no JSON ({fault})"))),
        }
    }

    /// The error of an answer that is understood, and is not what was asked for.
    pub fn fault(&self, kind: ErrorKind) -> Error {
        Error::new(kind, &self.call, "")
    }

    /// The error of an answer that is not what it should be.
    pub fn unreadable(&self, why: &str) -> Error {
        let reason = format!("the answer cannot be read: {why}");
        Error::new(ErrorKind::Unreadable, &self.call, reason)
    }

    /// The next page of a list, on the same host. (RFC 8288; hub client, `paginate`)
    pub fn next_page(&self, asked: &str) -> Result<Option<String>, Error> {
        let links = self.response.header("link").unwrap_or_default();
        let next = links.split(',').find_map(|link| {
            let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let is_next = parameters.split(';').any(|parameter| {
                let parameter = parameter.trim();
                parameter == "rel=\"next\"" || parameter == "rel=next"
            });
            is_next.then_some(address)
        });
        match next {
            Some(next) => same_origin(asked, next, &self.call).map(Some),
            None => Ok(None),
        }
    }
}

/// The address that a reference leads to, if it stays on the host.
fn same_origin(base: &str, reference: &str, call: &str) -> Result<String, Error> {
    let unreadable = || {
        let reason = "it leads to an address that cannot be read";
        Error::new(ErrorKind::Unreadable, call, reason)
    };
    let origin = Target::parse(base).map_err(|_| unreadable())?.origin();
    if reference.starts_with('/') && !reference.starts_with("//") {
        return Ok(format!("{origin}{reference}"));
    }
    let (scheme, _) = base.split_once(':').unwrap_or_default();
    let absolute = if reference.starts_with("//") {
        format!("{scheme}:{reference}")
    } else {
        reference.to_owned()
    };
    let target = Target::parse(&absolute).map_err(|_| unreadable())?;
    if target.origin() == origin {
        Ok(format!("{origin}{}", target.path))
    } else {
        let host = target.authority;
        Err(Error::new(ErrorKind::Elsewhere { host }, call, ""))
    }
}
