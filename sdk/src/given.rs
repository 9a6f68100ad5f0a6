//! What a native test puts where the host would be: for its own thread, until it lets go of it.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::thread::LocalKey;

/// Where a thread keeps what its test gave.
pub type Place<T> = LocalKey<RefCell<Option<T>>>;

/// Something that a test gave. It counts on this thread until this value is dropped; then what was there before counts
/// again.
///
/// ```
/// use hookbox_sdk::http::{Error, Request, Response};
/// use hookbox_sdk::testing;
///
/// let given = testing::network(|_: &Request| Ok::<_, Error>(Response::new(204)));
/// assert!(Request::get("https://example.org").send().is_ok());
/// drop(given);
/// assert!(Request::get("https://example.org").send().is_err());
/// ```
#[must_use = "it counts only until it is dropped: keep it as `let _given = …`"]
pub struct Given<T: 'static> {
    place: &'static Place<T>,
    before: Option<T>,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl<T> Given<T> {
    pub(crate) fn new(place: &'static Place<T>, thing: T) -> Given<T> {
        Given {
            place,
            before: place.replace(Some(thing)),
            thread: PhantomData,
        }
    }
}

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        let before = self.before.take();
        // A thread that ends has no place any more, and needs none.
        let _ = self.place.try_with(|place| place.replace(before));
    }
}

impl<T> fmt::Debug for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}
