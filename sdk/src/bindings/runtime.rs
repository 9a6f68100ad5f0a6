//! What the generated bindings call besides the interface itself: in place of the crate `wit-bindgen`, which would have
//! to be at hand wherever a plugin is built.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

/// Memory that holds the arguments of a call until it has returned.
pub(super) struct Cleanup {
    place: NonNull<u8>,
    layout: Layout,
}

impl Cleanup {
    /// The place of the memory, and what gives it back when it is dropped; nothing for nothing.
    pub(super) fn new(layout: Layout) -> (*mut u8, Option<Self>) {
        if layout.size() == 0 {
            return (null_mut(), None);
        }
        // SAFETY: the layout has a size.
        let Some(place) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        (place.as_ptr(), Some(Self { place, layout }))
    }

    /// Leaves the memory to whoever was given its place.
    pub(super) const fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        // SAFETY: it was allocated in `new` with that layout, and is given back once.
        unsafe { dealloc(self.place.as_ptr(), self.layout) }
    }
}

/// Has the linker keep `cabi_realloc`. On `wasm32-wasip2` the standard library brings and exports it by itself.
pub(super) const fn maybe_link_cabi_realloc() {}

/// Runs what C libraries register to run first, once for each instance. Without this reference the linker would have
/// each export run it, again and again.
pub(super) fn run_ctors_once() {
    static RUN: AtomicBool = AtomicBool::new(false);
    unsafe extern "C" {
        // Made by wasm-ld.
        fn __wasm_call_ctors();
    }
    if !RUN.swap(true, Ordering::Relaxed) {
        // SAFETY: the linker makes the function. It is called once, before any code of the plugin.
        unsafe { __wasm_call_ctors() };
    }
}
