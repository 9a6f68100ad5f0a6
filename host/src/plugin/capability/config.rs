//! What an operator configured a plugin with (`wasi:config`): names and texts of its grant.
//!
//! Linked by hand, because both functions charge the guest for what they copy, which the generated form has no way to
//! do; and because whoever lists it finds the same order each time.

use crate::plugin::bindings::v0_1::wasi::config::store::Error;
use crate::plugin::sandbox::{GuestState, charge_fuel};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

/// Links the interface.
///
/// # Errors
/// If the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut config = linker.instance("wasi:config/store@0.2.0-rc.1")?;
    config.func_wrap(
        "get",
        |mut store: StoreContextMut<'_, GuestState>, (name,): (String,)| {
            let value = get(&store.data().config, &name);
            charge_fuel(
                &mut store,
                name.len() + value.as_ref().map_or(0, String::len),
            )?;
            Ok((Ok::<_, Error>(value),))
        },
    )?;
    config.func_wrap(
        "get-all",
        |mut store: StoreContextMut<'_, GuestState>, ()| {
            let all = store.data().config.clone();
            let bytes = all.iter().map(|(name, value)| name.len() + value.len());
            charge_fuel(&mut store, bytes.sum())?;
            Ok((Ok::<_, Error>(all.to_vec()),))
        },
    )
}

fn get(config: &[(String, String)], name: &str) -> Option<String> {
    let found = config.iter().find(|(own, _)| own == name)?;
    Some(found.1.clone())
}
