//! The delivery as it came in: its exact bytes and a few of its headers.

use crate::plugin::sandbox::{GuestState, charge_fuel};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

/// The request headers that are kept with a delivery and that a guest may read.
pub const KEPT_HEADERS: &[&str] = &["webhook-id", "content-type", "user-agent", "traceparent"];

/// Links the interface. By hand, because both functions charge the guest for what they copy, which the generated
/// form has no way to do.
///
/// # Errors
/// If the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut raw = linker.instance("hookbox:plugin/raw@0.1.0")?;
    raw.func_wrap(
        "payload",
        |mut store: StoreContextMut<'_, GuestState>, ()| {
            let body = store.data().body.clone();
            charge_fuel(&mut store, body.len())?;
            Ok((body.to_vec(),))
        },
    )?;
    raw.func_wrap(
        "header",
        |mut store: StoreContextMut<'_, GuestState>, (name,): (String,)| {
            let value = header(store.data(), &name);
            charge_fuel(
                &mut store,
                name.len() + value.as_ref().map_or(0, String::len),
            )?;
            Ok((value,))
        },
    )
}

fn header(state: &GuestState, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if !KEPT_HEADERS.contains(&name.as_str()) {
        return None;
    }
    let kept = state.headers.iter().find(|(kept, _)| *kept == name)?;
    Some(kept.1.clone())
}
