//! What is there once, however often it is asked for.

/// Something that is to be there once, however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was made now.
    Made(T),
    /// It was there already.
    Found(T),
}

impl<T> Once<T> {
    /// The thing itself, whenever it was made.
    pub fn into_inner(self) -> T {
        match self {
            Once::Made(thing) | Once::Found(thing) => thing,
        }
    }
}
