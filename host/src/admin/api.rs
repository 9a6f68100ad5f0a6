//! The JSON API: paths, and what each shows or does. [`openapi.json`](../admin/openapi.json) says the same to programs.

use crate::activity::{
    AttemptJson, DeliveryDetailJson, DeliveryJson, HealthJson, PluginJson, ReplayJson, RequestJson,
    RunEntryJson, SwitchedJson,
};
use crate::admin::answer::{Failure, large, text};
use crate::admin::desk::{Desk, Switch};
use crate::admin::health::health;
use crate::admin::query::{DeliveryQuery, LimitQuery, Nothing, Query, RunQuery};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderValue, LINK};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What programs read of this API (OpenAPI 3.1).
const OPENAPI: &str = include_str!("openapi.json");

type Desks = State<Arc<Desk>>;
type Named<T> = Result<Path<T>, PathRejection>;

/// All paths of the API.
pub fn routes() -> Router<Arc<Desk>> {
    let v1 = Router::new()
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{id}", get(delivery))
        .route("/deliveries/{id}/replay", post(replay))
        .route("/runs", get(runs))
        .route("/runs/{id}", get(run))
        .route("/runs/{id}/attempts", get(attempts))
        .route("/runs/{id}/attempts/{n}", get(attempt))
        .route("/plugins", get(plugins))
        .route("/plugins/{name}", get(plugin))
        .route("/plugins/{name}/pause", post(pause))
        .route("/plugins/{name}/resume", post(resume))
        .route("/requests", get(requests))
        .route("/health", get(show_health))
        .route(
            "/openapi.json",
            get(|| async { text("application/json", OPENAPI) }),
        );
    Router::new().nest("/api/v1", v1)
}

async fn deliveries(
    State(desk): Desks,
    Query(query): Query<DeliveryQuery>,
) -> Result<Response, Failure> {
    let page = desk.deliveries(&query).await?;
    let next = page.next.map(|next| query.next(&next.to_string()));
    let link = next.map(|query| link(&desk, "deliveries", &query));
    let shown = move || page.items.into_iter().map(Into::into);
    large(move || listed::<DeliveryJson>(shown(), link)).await
}

async fn delivery(
    State(desk): Desks,
    id: Named<String>,
    _: Query<Nothing>,
) -> Result<Response, Failure> {
    let delivery = desk.delivery(&named(id)?).await?;
    large(move || Json(DeliveryDetailJson::from(delivery))).await
}

/// What is to be replayed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    plugin: Option<String>,
}

async fn replay(
    State(desk): Desks,
    id: Named<String>,
    _: Query<Nothing>,
    body: Bytes,
) -> Result<(StatusCode, Json<ReplayJson>), Failure> {
    let id = named(id)?;
    let asked: Option<ReplayRequest> = sent(&body)?;
    let asked = asked.unwrap_or_default();
    let replayed = desk.replay(&id, asked.plugin.as_deref()).await?;
    let shown = ReplayJson::new(replayed.id, replayed.runs, replayed.skipped);
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn runs(State(desk): Desks, Query(query): Query<RunQuery>) -> Result<Response, Failure> {
    let page = desk.runs(&query).await?;
    let next = page.next.map(|next| query.next(&next.to_string()));
    let link = next.map(|query| link(&desk, "runs", &query));
    let shown = move || page.items.into_iter().map(Into::into);
    large(move || listed::<RunEntryJson>(shown(), link)).await
}

async fn run(
    State(desk): Desks,
    id: Named<String>,
    _: Query<Nothing>,
) -> Result<Json<RunEntryJson>, Failure> {
    Ok(Json(desk.run(&named(id)?).await?.into()))
}

async fn attempts(
    State(desk): Desks,
    id: Named<String>,
    _: Query<Nothing>,
) -> Result<Json<Vec<AttemptJson>>, Failure> {
    let attempts = desk.run(&named(id)?).await?.run.attempts;
    Ok(Json(attempts.into_iter().map(Into::into).collect()))
}

async fn attempt(
    State(desk): Desks,
    place: Named<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<AttemptJson>, Failure> {
    let (id, n) = named(place)?;
    let attempts = desk.run(&id).await?.run.attempts;
    let found = attempts
        .into_iter()
        .find(|attempt| attempt.n.to_string() == n);
    let found = found.ok_or_else(|| Failure::missing("the run has no such attempt"))?;
    Ok(Json(found.into()))
}

async fn plugins(State(desk): Desks, _: Query<Nothing>) -> Result<Json<Vec<PluginJson>>, Failure> {
    let plugins = desk.ledger.plugins().await?;
    Ok(Json(desk.shown(plugins).await?))
}

async fn plugin(
    State(desk): Desks,
    name: Named<String>,
    _: Query<Nothing>,
) -> Result<Json<PluginJson>, Failure> {
    let plugin = desk.plugin(&named(name)?).await?;
    Ok(Json(desk.shown_one(plugin).await?))
}

async fn pause(
    desk: Desks,
    name: Named<String>,
    _: Query<Nothing>,
    body: Bytes,
) -> Result<Json<SwitchedJson>, Failure> {
    switch(desk, name, &body, Switch::Pause).await
}

async fn resume(
    desk: Desks,
    name: Named<String>,
    _: Query<Nothing>,
    body: Bytes,
) -> Result<Json<SwitchedJson>, Failure> {
    switch(desk, name, &body, Switch::Resume).await
}

async fn switch(
    State(desk): Desks,
    name: Named<String>,
    body: &[u8],
    to: Switch,
) -> Result<Json<SwitchedJson>, Failure> {
    let _: Option<Nothing> = sent(body)?;
    let (plugin, changed) = desk.switch(&named(name)?, to).await?;
    let plugin = desk.shown_one(plugin).await?;
    Ok(Json(SwitchedJson { changed, plugin }))
}

async fn requests(
    State(desk): Desks,
    Query(query): Query<LimitQuery>,
) -> Result<Json<Vec<RequestJson>>, Failure> {
    let requests = desk.requests(query.read()?);
    Ok(Json(requests.into_iter().map(Into::into).collect()))
}

async fn show_health(State(desk): Desks, _: Query<Nothing>) -> Json<HealthJson> {
    Json(health(&desk).await)
}

/// What a body asks for, if there is one.
fn sent<T: DeserializeOwned>(body: &[u8]) -> Result<Option<T>, Failure> {
    if body.is_empty() {
        return Ok(None);
    }
    let asked = serde_json::from_slice(body);
    asked.map_err(|error| Failure::bad(format!("the body cannot be used: {error}")))
}

/// What a path names.
fn named<T>(path: Named<T>) -> Result<T, Failure> {
    path.map(|Path(named)| named)
        .map_err(|_| Failure::missing("there is nothing at this path"))
}

/// A list, and where it goes on: the body stays a plain array.
fn listed<T: Serialize>(items: impl Iterator<Item = T>, link: Option<String>) -> Response {
    let mut response = Json(items.collect::<Vec<T>>()).into_response();
    let link = link.and_then(|link| HeaderValue::try_from(link).ok());
    response.headers_mut().extend(link.map(|link| (LINK, link)));
    response
}

/// Where a list goes on (RFC 8288).
fn link(desk: &Desk, path: &str, query: &str) -> String {
    format!("<{}/api/v1/{path}?{query}>; rel=\"next\"", desk.prefix)
}
