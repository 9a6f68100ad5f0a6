//! What a native test puts where the host would be: for its own thread, until it lets go of it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::thread::LocalKey;

/// Where a thread keeps what its test gave.
pub type Place<T> = LocalKey<Stack<T>>;

/// What a test gave, in order: the last one counts.
#[derive(Debug)]
pub struct Stack<T> {
    given: RefCell<Vec<(u64, T)>>,
    /// Each has a number of its own, so that it is found again in whatever order they are dropped.
    next: Cell<u64>,
}

impl<T> Stack<T> {
    /// One with nothing in it.
    pub(crate) const fn new() -> Stack<T> {
        Stack {
            given: RefCell::new(vec![]),
            next: Cell::new(0),
        }
    }

    fn push(&self, thing: T) -> u64 {
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        self.given.borrow_mut().push((id, thing));
        id
    }

    /// Gives it back, so that it is dropped when nothing is borrowed any more: it may hold what was given, too.
    fn remove(&self, id: u64) -> Option<T> {
        let mut given = self.given.borrow_mut();
        let at = given.iter().position(|(known, _)| *known == id)?;
        Some(given.remove(at).1)
    }
}

impl<T: Clone> Stack<T> {
    /// The one that counts.
    pub(crate) fn last(&self) -> Option<T> {
        self.given.borrow().last().map(|(_, thing)| thing.clone())
    }

    /// All, the one that counts first.
    pub(crate) fn all(&self) -> Vec<T> {
        let given = self.given.borrow();
        given.iter().rev().map(|(_, thing)| thing.clone()).collect()
    }
}

/// Something that a test gave. It counts on this thread until this value is dropped; then what was given before it
/// counts again. They may be dropped in any order: each takes away itself alone.
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
    id: u64,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl<T> Given<T> {
    pub(crate) fn new(place: &'static Place<T>, thing: T) -> Given<T> {
        Given {
            place,
            id: place.with(|stack| stack.push(thing)),
            thread: PhantomData,
        }
    }
}

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        // A thread that ends has no place any more, and needs none.
        let _ = self.place.try_with(|stack| stack.remove(self.id));
    }
}

impl<T> fmt::Debug for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}
