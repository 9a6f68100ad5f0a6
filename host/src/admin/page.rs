//! The page: what came in, what became of it, and a button to have it handled again. It needs no script.
//!
//! Every text of others is made visible and escaped: payloads, headers, names, outputs and logs are hostile.

mod delivery;
mod list;
mod pretty;

use crate::admin::answer::{Failure, large, see_other};
use crate::admin::desk::{Desk, Switch};
use crate::admin::query::{DeliveryQuery, Query};
use crate::clock::rfc3339;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use hyper::StatusCode;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// The style sheet: the only part of the page that is no secret.
pub const STYLE: &str = include_str!("page/style.css");

type Desks = State<Arc<Desk>>;
type Id = Result<Path<String>, PathRejection>;

/// All paths of the page.
pub fn routes() -> axum::Router<Arc<Desk>> {
    axum::Router::new()
        .route("/", get(front))
        .route("/deliveries/{id}", get(one))
        .route("/deliveries/{id}/replay", post(replay))
        .route("/plugins/{name}/pause", post(pause))
        .route("/plugins/{name}/resume", post(resume))
}

/// Asks for the token.
#[must_use]
pub fn log_in(prefix: &str, status: StatusCode, wrong: Option<&str>) -> Response {
    let body = html! {
        h1 { "Hookbox" }
        @if let Some(wrong) = wrong { p { (wrong) "." } }
        form method="post" action={ (prefix) "/login" } {
            label { "Admin token "
                input type="password" name="token" required autofocus autocomplete="current-password";
            }
            button { "Log in" }
        }
        p {
            "The token is what the host was given as " code { "HOOKBOX_ADMIN_TOKEN" } ", else it is kept in "
            code { "admin.token" } " in its data folder. If you have just logged in by a link on another site, "
            a href={ (prefix) "/" } { "go on" } "."
        }
    };
    (
        status,
        Html(document(prefix, "Log in", &body).into_string()),
    )
        .into_response()
}

async fn front(State(desk): Desks, query: Result<Query<DeliveryQuery>, Failure>) -> Response {
    let front = async { list::front(&desk, &query?.0).await };
    match front.await {
        Ok(front) => shown(desk.prefix, &front),
        Err(failure) => not_shown(desk.prefix, &failure),
    }
}

async fn one(State(desk): Desks, id: Id) -> Response {
    let prefix = desk.prefix;
    let shown = async {
        let delivery = desk.delivery(&named(id)?).await?;
        large(move || shown(prefix, &delivery::detail(prefix, &delivery))).await
    };
    let shown = shown.await;
    shown.unwrap_or_else(|failure| not_shown(prefix, &failure))
}

/// What the form of a replay sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayForm {
    plugin: Option<String>,
}

async fn replay(
    State(desk): Desks,
    id: Id,
    form: Result<Form<ReplayForm>, FormRejection>,
) -> Response {
    let replayed = async {
        let Form(form) = form.map_err(|error| Failure::bad(error.body_text()))?;
        let only = form.plugin.filter(|plugin| !plugin.is_empty());
        desk.replay(&named(id)?, only.as_deref()).await
    };
    match replayed.await {
        Ok(replayed) => see_other(&format!("{}/deliveries/{}", desk.prefix, replayed.id)),
        Err(failure) => not_shown(desk.prefix, &failure),
    }
}

async fn pause(desk: Desks, name: Id) -> Response {
    switch(desk, name, Switch::Pause).await
}

async fn resume(desk: Desks, name: Id) -> Response {
    switch(desk, name, Switch::Resume).await
}

async fn switch(State(desk): Desks, name: Id, to: Switch) -> Response {
    let switched = async { desk.switch(&named(name)?, to).await };
    match switched.await {
        Ok(_) => see_other(&format!("{}/", desk.prefix)),
        Err(failure) => not_shown(desk.prefix, &failure),
    }
}

fn named(path: Id) -> Result<String, Failure> {
    path.map(|Path(named)| named)
        .map_err(|_| Failure::missing("there is nothing at this path"))
}

/// A page with its title.
fn shown(prefix: &str, (title, body): &(String, Markup)) -> Response {
    Html(document(prefix, title, body).into_string()).into_response()
}

/// A page that says why there is none.
fn not_shown(prefix: &str, failure: &Failure) -> Response {
    let body = html! {
        (navigation(prefix))
        h1 { (failure.status) }
        p { (text(&failure.message)) }
    };
    let document = document(prefix, "Not done", &body);
    (failure.status, Html(document.into_string())).into_response()
}

fn document(prefix: &str, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (text(title)) " · Hookbox" }
                link rel="stylesheet" href={ (prefix) "/style.css" };
            }
            body { (body) }
        }
    }
}

fn navigation(prefix: &str) -> Markup {
    html! {
        nav {
            a href={ (prefix) "/" } { "Hookbox" }
            form method="post" action={ (prefix) "/logout" } { button { "Log out" } }
        }
    }
}

/// A text of others, on one line.
fn text(text: &str) -> String {
    crate::visible::one_line(text)
}

/// A time as people and programs read it.
fn time(ms: u64) -> Markup {
    let time = rfc3339(ms);
    html! { time datetime=(time) { (time) } }
}

/// A state or an outcome, coloured by what it means.
fn state(word: &str) -> Markup {
    let tone = match word {
        "done" | "settled" | "loaded" => "good",
        "ignored" | "coalesced" => "plain",
        "dead" | "refused" | "rejected" | "trapped" | "out-of-fuel" | "out-of-memory"
        | "timed-out" | "lost" => "bad",
        _ => "waits",
    };
    html! { span class=(tone) { (word) } }
}
