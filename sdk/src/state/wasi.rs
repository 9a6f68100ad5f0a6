//! The state that the plugin's host keeps, by `wasi:keyvalue`.

use super::Error;
use crate::bindings::wasi::keyvalue::{atomics, store};

/// The plugin's bucket; the host has no other for it.
#[derive(Debug)]
pub struct Bucket(store::Bucket);

impl Bucket {
    pub fn open() -> Result<Bucket, Error> {
        store::open("").map(Bucket).map_err(refused)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key).map_err(refused)
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.0.set(key, value).map_err(refused)
    }

    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.delete(key).map_err(refused)
    }

    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.0.exists(key).map_err(refused)
    }

    pub fn increment(&self, key: &str, by: u64) -> Result<u64, Error> {
        atomics::increment(&self.0, key, by).map_err(refused)
    }

    pub fn list_keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
        let page = self.0.list_keys(cursor).map_err(refused)?;
        Ok((page.keys, page.cursor))
    }
}

fn refused(error: store::Error) -> Error {
    match error {
        store::Error::AccessDenied => Error::NotGranted,
        store::Error::NoSuchStore => Error::Refused {
            reason: "the host knows no such store".to_owned(),
        },
        store::Error::Other(reason) => Error::Refused { reason },
    }
}
