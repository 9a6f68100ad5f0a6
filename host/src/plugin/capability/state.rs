//! Plugin state (`wasi:keyvalue`): linked for every component, and there is no store to open until an operator can
//! grant one.

use crate::plugin::bindings::v0_1::wasi::keyvalue::{atomics, store};
use crate::plugin::sandbox::GuestState;
use wasmtime::component::Resource;

/// An open bucket: none can be opened, so none exists.
#[derive(Debug)]
pub enum Bucket {}

const DENIED: &str = "no state is granted to this plugin";

impl store::Host for GuestState {
    fn open(
        &mut self,
        _identifier: String,
    ) -> wasmtime::Result<Result<Resource<Bucket>, store::Error>> {
        Ok(Err(store::Error::AccessDenied))
    }
}

impl store::HostBucket for GuestState {
    fn get(
        &mut self,
        _: Resource<Bucket>,
        _: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, store::Error>> {
        Ok(Err(denied()))
    }

    fn set(
        &mut self,
        _: Resource<Bucket>,
        _: String,
        _: Vec<u8>,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        Ok(Err(denied()))
    }

    fn delete(
        &mut self,
        _: Resource<Bucket>,
        _: String,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        Ok(Err(denied()))
    }

    fn exists(
        &mut self,
        _: Resource<Bucket>,
        _: String,
    ) -> wasmtime::Result<Result<bool, store::Error>> {
        Ok(Err(denied()))
    }

    fn list_keys(
        &mut self,
        _: Resource<Bucket>,
        _: Option<u64>,
    ) -> wasmtime::Result<Result<store::KeyResponse, store::Error>> {
        Ok(Err(denied()))
    }

    fn drop(&mut self, _: Resource<Bucket>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl atomics::Host for GuestState {
    fn increment(
        &mut self,
        _: Resource<Bucket>,
        _: String,
        _: u64,
    ) -> wasmtime::Result<Result<u64, store::Error>> {
        Ok(Err(denied()))
    }
}

fn denied() -> store::Error {
    store::Error::Other(DENIED.to_owned())
}
