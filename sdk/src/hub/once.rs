//! What is there once, however often it is asked for.

/// Something that is to be there once, however often it is asked for.
///
/// ```
/// use hookbox_sdk::hub::{Client, Once, Repo};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &json!({"num": 7, "status": "merged"}));
///
/// let merged = Client::new()?.merge_once(&Repo::model("my-org/bert")?, 7, "0197-4a", "Thank you!")?;
/// let said = match merged {
///     Once::Made(()) => "merged",
///     Once::Found(()) => "was merged already",
/// };
/// assert_eq!(said, "was merged already");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was made now.
    Made(T),
    /// It was there already.
    Found(T),
}

impl<T> Once<T> {
    /// The thing itself, whenever it was made.
    ///
    /// ```
    /// use hookbox_sdk::hub::Once;
    ///
    /// let page = "https://huggingface.co/spaces/my-org/demo";
    /// assert_eq!(Once::Made(page).into_inner(), Once::Found(page).into_inner());
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Once::Made(thing) | Once::Found(thing) => thing,
        }
    }
}
