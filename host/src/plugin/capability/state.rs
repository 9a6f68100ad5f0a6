//! Plugin state (`wasi:keyvalue`, store and atomics): one bucket of a plugin's own, for those that are granted state.
//!
//! Linked by hand, because all of it charges the guest for what is read and copied, which the generated form has no way
//! to do. What a guest asks for is answered by its attempt's [`StateView`].

mod page;
mod view;

pub use view::StateView;

use crate::plugin::bindings::v0_1::wasi::keyvalue::store::{Error, KeyResponse};
use crate::plugin::sandbox::{GuestState, charge_fuel};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};

/// An open bucket. A plugin has but one, however often it is opened, so there is nothing to know of it.
#[derive(Debug)]
pub enum Bucket {}

/// The names that a plugin's bucket is opened by.
const NAMES: &[&str] = &["", "default"];

type Store<'a> = StoreContextMut<'a, GuestState>;

/// An answer to a guest, or a trap.
type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// Links both interfaces.
///
/// # Errors
/// If the linker has one of them already.
pub fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut store = linker.instance("wasi:keyvalue/store@0.2.0-draft")?;
    store.resource("bucket", ResourceType::host::<Bucket>(), |_, _| Ok(()))?;
    store.func_wrap("open", |mut store: Store<'_>, (name,): (String,)| {
        charge_fuel(&mut store, name.len())?;
        Ok((open(&store, &name),))
    })?;
    link_reading(&mut store)?;
    link_writing(&mut store)?;
    let mut atomics = linker.instance("wasi:keyvalue/atomics@0.2.0-draft")?;
    atomics.func_wrap_async(
        "increment",
        |store: Store<'_>, (_, key, delta): (Resource<Bucket>, String, u64)| {
            Box::new(async move { increment(store, key, delta).await.map(|sum| (sum,)) })
        },
    )
}

fn link_reading(store: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    store.func_wrap_async(
        "[method]bucket.get",
        |store: Store<'_>, (_, key): (Resource<Bucket>, String)| {
            Box::new(async move { get(store, key).await.map(|value| (value,)) })
        },
    )?;
    store.func_wrap_async(
        "[method]bucket.exists",
        |store: Store<'_>, (_, key): (Resource<Bucket>, String)| {
            Box::new(async move { exists(store, key).await.map(|is_there| (is_there,)) })
        },
    )?;
    store.func_wrap_async(
        "[method]bucket.list-keys",
        |store: Store<'_>, (_, cursor): (Resource<Bucket>, Option<u64>)| {
            Box::new(async move { list(store, cursor).await.map(|keys| (keys,)) })
        },
    )
}

fn link_writing(store: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    store.func_wrap_async(
        "[method]bucket.set",
        |store: Store<'_>, (_, key, value): (Resource<Bucket>, String, Vec<u8>)| {
            Box::new(async move { write(store, key, Some(value)).await.map(|done| (done,)) })
        },
    )?;
    store.func_wrap_async(
        "[method]bucket.delete",
        |store: Store<'_>, (_, key): (Resource<Bucket>, String)| {
            Box::new(async move { write(store, key, None).await.map(|done| (done,)) })
        },
    )
}

fn open(store: &Store<'_>, name: &str) -> Result<Resource<Bucket>, Error> {
    if !store.data().state.is_granted() {
        return Err(Error::AccessDenied);
    }
    if !NAMES.contains(&name) {
        return Err(Error::NoSuchStore);
    }
    Ok(Resource::new_own(0))
}

async fn get(mut store: Store<'_>, key: String) -> Answer<Option<Vec<u8>>> {
    charge_fuel(&mut store, key.len())?;
    let value = store.data_mut().state.get(&key).await;
    told(&mut store, value)
}

async fn exists(mut store: Store<'_>, key: String) -> Answer<bool> {
    charge_fuel(&mut store, key.len())?;
    let value = store.data_mut().state.get(&key).await;
    told(&mut store, value.map(|value| value.is_some()))
}

async fn list(mut store: Store<'_>, cursor: Option<u64>) -> Answer<KeyResponse> {
    let page = store.data_mut().state.list(cursor).await;
    let page = page.map(|(keys, cursor)| KeyResponse { keys, cursor });
    told(&mut store, page)
}

async fn write(mut store: Store<'_>, key: String, value: Option<Vec<u8>>) -> Answer<()> {
    charge_fuel(&mut store, key.len() + value.as_ref().map_or(0, Vec::len))?;
    let written = store.data_mut().state.write(key, value).await;
    told(&mut store, written)
}

async fn increment(mut store: Store<'_>, key: String, delta: u64) -> Answer<u64> {
    charge_fuel(&mut store, key.len())?;
    let sum = store.data_mut().state.increment(key, delta).await;
    told(&mut store, sum)
}

/// Charges what the answer has cost, and tells it.
fn told<T>(store: &mut Store<'_>, answer: Result<T, String>) -> Answer<T> {
    let cost = store.data_mut().state.take_cost();
    charge_fuel(store, cost)?;
    Ok(answer.map_err(Error::Other))
}
