//! A listener whose answers are counted and whose refusals are kept, for the operator to look at.

use super::{Handler, PublicMetrics};
use crate::refusal::{Refusal, Refusals};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

/// A handler, and where its refusals are noted.
pub struct Noted {
    /// What answers.
    pub handler: Arc<dyn Handler>,
    /// Where refusals are kept.
    pub refusals: Arc<Refusals>,
    /// Where answers are counted.
    pub metrics: PublicMetrics,
}

#[async_trait]
impl Handler for Noted {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        self.handler.answer(request, peer).await
    }

    fn answered(&self, status: StatusCode, refusal: Option<Refusal>) {
        self.metrics.note(status);
        if let Some(refusal) = refusal {
            self.refusals.note(refusal);
        }
    }
}
