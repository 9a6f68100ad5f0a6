//! The operator's listener: an API, a page and metrics, all behind a token.
//!
//! [`Admin`] lets a request in or not, before it is looked at any further: by the name it was sent to, by the page it
//! was sent from, by token or session. No route is outside of that but the style sheet, the log-in itself, and metrics
//! on a loopback address. Loopback is no credential: other users' programs and any site's pages reach it, too.

mod address;
mod answer;
mod api;
mod desk;
mod guard;
mod health;
mod metrics;
mod page;
mod query;
mod session;
pub mod token;

pub use address::{AdminAddress, AdminAddressError, base_url, note_address, noted_address};
pub use desk::{Desk, LISTS_MAX};
pub use guard::Names;
pub use metrics::AdminMetrics;
pub use token::AdminToken;

use crate::refusal::{Reason, Refusal, Unnoted};
use crate::server::Handler;
use answer::{Failure, Turn, see_other, text};
use async_trait::async_trait;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use guard::From;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONNECTION, HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode, Uri};
use session::{Over, Sessions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_service::Service as _;

/// The largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The same for the form that asks for the token: nobody is known yet.
const LOG_IN_BYTES_MAX: usize = 8 * 1024;

/// The longest that it may take to come in: whoever sends it keeps a connection from others meanwhile.
const LOG_IN_TIME_MAX: Duration = Duration::from_secs(2);

/// How many such forms may be about to come in at once.
const LOG_INS_MAX: usize = 4;

/// How many requests are answered at once; a large answer counts until it is written.
const TURNS_MAX: usize = 8;

/// The longest that a request waits for its turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);

/// Where that form is sent.
const LOG_IN: &str = "/login";

/// Where the button to log out leads.
const LOG_OUT: &str = "/logout";

/// The longest that a body may take to come in.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Where the operator's listener is to be found by those who ask.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The names that it answers to.
    pub names: Names,
    /// The names under which it is reached by HTTPS.
    pub https: Vec<String>,
    /// Who may read metrics.
    pub metrics: MetricsFor,
}

/// Who may read metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFor {
    /// Whoever reaches the listener: it is on a loopback address of its own.
    Everybody,
    /// Whoever has the token.
    Operators,
}

/// The operator's listener.
pub struct Admin {
    mount: Mount,
    token: AdminToken,
    sessions: Sessions,
    desk: Arc<Desk>,
    /// How many more may be about to log in.
    log_ins: Semaphore,
    /// How many more may be answered at once.
    turns: Arc<Semaphore>,
    metrics: AdminMetrics,
    router: Router,
}

/// Why a request is not let in.
struct Refused {
    failure: Failure,
    noted: Noted,
    asks: Asks,
}

/// Whether the operator is to see it among the refused requests: something was sent, and it was wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    Yes,
    No,
}

/// What a browser is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// The form that asks for the token.
    ForToken,
    /// What is wrong, and that is all.
    No,
}

#[async_trait]
impl Handler for Admin {
    async fn answer(
        &self,
        request: Request<Incoming>,
        _peer: SocketAddr,
    ) -> hyper::Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let mut noted = None;
        let response = match self.serve(parts, body).await {
            Ok(response) => response,
            Err(refused) => {
                if refused.noted == Noted::Yes {
                    self.metrics.refused(refused.failure.status);
                    noted = Some(refused.failure.message.clone());
                }
                self.refuse(refused, &method, &uri)
            }
        };
        let mut response = answer::finish(response).await;
        match noted {
            Some(reason) => response.extensions_mut().insert(Reason(reason)).map(drop),
            None => response.extensions_mut().insert(Unnoted).map(drop),
        };
        response
    }

    fn answered(&self, _status: StatusCode, refusal: Option<Refusal>) {
        if let Some(refusal) = refusal {
            self.desk.refusals.note(refusal);
        }
    }
}

impl Admin {
    /// A listener for whoever has the token.
    #[must_use]
    pub fn new(mount: Mount, token: AdminToken, desk: Desk, metrics: AdminMetrics) -> Self {
        let desk = Arc::new(desk);
        let path = match desk.prefix {
            "" => "/",
            prefix => prefix,
        };
        Self {
            sessions: Sessions::of(&token, path),
            router: routes(Arc::clone(&desk)),
            log_ins: Semaphore::new(LOG_INS_MAX),
            turns: Arc::new(Semaphore::new(TURNS_MAX)),
            metrics,
            mount,
            token,
            desk,
        }
    }

    async fn serve(&self, parts: Parts, body: Incoming) -> Result<Response, Refused> {
        if !self.mount.names.are_asked(&parts.headers) {
            return Err(Refused::misdirected());
        }
        let from = if reads(&parts.method) {
            From::Unsaid
        } else {
            guard::sender(&parts.headers).ok_or_else(Refused::cross_site)?
        };
        let path = parts.uri.path().strip_prefix(self.desk.prefix);
        let path = path.unwrap_or_default().to_owned();
        if path == LOG_IN && parts.method == Method::POST {
            let _turn = self.log_ins.try_acquire().map_err(|_| Refused::crowded())?;
            let body = read(body, LOG_IN_BYTES_MAX, LOG_IN_TIME_MAX)
                .await
                .map_err(Refused::unusable)?;
            let form = std::str::from_utf8(&body).ok();
            let sent = query::token(form).flatten();
            return self.log_in(&parts.headers, sent.as_deref());
        }
        if let Some(answer) = self.at_the_door(&parts, &path).await {
            return answer;
        }
        self.check_credential(&parts, from)?;
        let turn = self.turn().await?;
        let body = if reads(&parts.method) {
            Bytes::new()
        } else {
            read(body, BODY_BYTES_MAX, BODY_TIME_MAX)
                .await
                .map_err(Refused::unusable)?
        };
        let mut request = Request::from_parts(parts, axum::body::Body::from(body));
        *request.uri_mut() = without_prefix(request.uri(), &path);
        match self.router.clone().call(request).await {
            Ok(mut response) => {
                response.extensions_mut().insert(turn);
                Ok(response)
            }
            Err(never) => match never {},
        }
    }

    /// The right to be answered, once there is one.
    async fn turn(&self) -> Result<Turn, Refused> {
        let permit = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(TURN_TIME_MAX, permit).await {
            Ok(Ok(permit)) => Ok(permit.into()),
            _ => Err(Refused::unusable(Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests at once; try again",
            ))),
        }
    }

    /// What is answered without a token: that shows nothing of anybody's.
    async fn at_the_door(&self, parts: &Parts, path: &str) -> Option<Result<Response, Refused>> {
        let reads = reads(&parts.method);
        match path {
            "" => Some(Ok(see_other(&format!("{}/", self.desk.prefix)))),
            "/style.css" if reads => Some(Ok(text("text/css", page::STYLE))),
            "/metrics" if reads && self.mount.metrics == MetricsFor::Everybody => {
                Some(Ok(self.desk.metrics().await))
            }
            "/" if reads => {
                let sent = query::token(parts.uri.query())?;
                Some(self.log_in(&parts.headers, sent.as_deref()))
            }
            LOG_OUT if parts.method == Method::POST => Some(Ok(self.log_out(&parts.headers))),
            _ => None,
        }
    }

    /// Whether a request comes with the token, or with a session. A session alone changes nothing unless the browser
    /// says that the request is from our own page.
    fn check_credential(&self, parts: &Parts, from: From) -> Result<(), Refused> {
        let mut sent = parts.headers.get_all(AUTHORIZATION).iter();
        match (sent.next(), sent.next()) {
            (Some(sent), None) => match bearer(sent) {
                Some(token) if self.token.is(token) => return Ok(()),
                _ => return Err(Refused::wrong_token(Asks::No)),
            },
            (Some(_), Some(_)) => return Err(Refused::wrong_token(Asks::No)),
            (None, _) => {}
        }
        if !self.sessions.has(&parts.headers) {
            return Err(Refused::no_token());
        }
        if reads(&parts.method) || from == From::Here {
            return Ok(());
        }
        Err(Refused::pageless())
    }

    fn log_in(&self, headers: &HeaderMap, sent: Option<&str>) -> Result<Response, Refused> {
        if !self.token.is(sent.unwrap_or_default().as_bytes()) {
            return Err(Refused::wrong_token(Asks::ForToken));
        }
        let cookie = self.sessions.open(self.over(headers));
        Ok(self.to_page(cookie))
    }

    fn log_out(&self, headers: &HeaderMap) -> Response {
        self.to_page(self.sessions.close(self.over(headers)))
    }

    fn to_page(&self, cookie: String) -> Response {
        let mut response = see_other(&format!("{}/", self.desk.prefix));
        let cookie = HeaderValue::try_from(cookie);
        response
            .headers_mut()
            .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        response
    }

    /// What a browser speaks with us, as far as that is known: with the proxy of the public address, HTTPS.
    fn over(&self, headers: &HeaderMap) -> Over {
        let asked = guard::authority(headers);
        let mut names = self.mount.https.iter();
        match asked {
            Some(asked) if names.any(|name| asked.host().eq_ignore_ascii_case(name)) => Over::Https,
            _ => Over::Http,
        }
    }

    fn refuse(&self, refused: Refused, method: &Method, uri: &Uri) -> Response {
        let Refused {
            failure,
            noted,
            asks,
        } = refused;
        let status = failure.status;
        let path = uri
            .path()
            .strip_prefix(self.desk.prefix)
            .unwrap_or_default();
        let for_programs = path.starts_with("/api/") || path == "/metrics";
        let mut response = if asks == Asks::ForToken && !for_programs {
            // Who has sent nothing has done nothing wrong.
            let wrong = (noted == Noted::Yes).then_some(&*failure.message);
            page::log_in(self.desk.prefix, status, wrong)
        } else {
            failure.into_response()
        };
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"hookbox\"");
            headers.insert(WWW_AUTHENTICATE, bearer);
        }
        if !reads(method) {
            // Its body was not read.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Refused {
    fn misdirected() -> Self {
        let message =
            "this is no name of the host: use its address, or tell it its name with --public-url";
        Self::noted(StatusCode::MISDIRECTED_REQUEST, message, Asks::No)
    }

    fn crowded() -> Self {
        let message = "too many are logging in at once; try again, or open the page with ?token=TOKEN in its address";
        Self {
            failure: Failure::new(StatusCode::SERVICE_UNAVAILABLE, message),
            noted: Noted::Yes,
            asks: Asks::ForToken,
        }
    }

    fn cross_site() -> Self {
        let message = "the page of another site sent this request";
        Self::noted(StatusCode::FORBIDDEN, message, Asks::No)
    }

    fn pageless() -> Self {
        let message = "the browser does not say which page sent this request";
        Self::noted(StatusCode::FORBIDDEN, message, Asks::No)
    }

    fn wrong_token(asks: Asks) -> Self {
        Self::noted(StatusCode::UNAUTHORIZED, "the admin token is wrong", asks)
    }

    fn noted(status: StatusCode, message: &str, asks: Asks) -> Self {
        Self {
            failure: Failure::new(status, message),
            noted: Noted::Yes,
            asks,
        }
    }

    fn no_token() -> Self {
        let message = "the admin token is missing: send it as `Authorization: Bearer TOKEN`";
        Self {
            failure: Failure::new(StatusCode::UNAUTHORIZED, message),
            noted: Noted::No,
            asks: Asks::ForToken,
        }
    }

    const fn unusable(failure: Failure) -> Self {
        Self {
            failure,
            noted: Noted::No,
            asks: Asks::No,
        }
    }
}

const fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Every route there is: [`Admin`] let the request in.
fn routes(desk: Arc<Desk>) -> Router {
    let metrics = axum::routing::get(
        |axum::extract::State(desk): axum::extract::State<Arc<Desk>>| async move {
            desk.metrics().await
        },
    );
    Router::new()
        .merge(api::routes())
        .merge(page::routes())
        .route("/metrics", metrics)
        .fallback(|| async { Failure::missing("there is nothing at this path") })
        .method_not_allowed_fallback(|method: Method| async move {
            let message = format!("this path does not take {method}");
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
        })
        .with_state(desk)
}

/// The token in an `Authorization` header (RFC 6750, section 2.1).
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// Reads a body within its bounds.
async fn read(body: Incoming, bytes_max: usize, time_max: Duration) -> Result<Bytes, Failure> {
    let collected = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(time_max, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {bytes_max} bytes"),
        )),
        Ok(Err(_)) => Err(Failure::bad("the body did not come in whole")),
        Err(_) => Err(Failure::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body came in too slowly",
        )),
    }
}

/// The same address under `path`.
fn without_prefix(uri: &Uri, path: &str) -> Uri {
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    whole.parse().unwrap_or_default()
}
