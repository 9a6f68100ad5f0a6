//! Whose token the grant names.

use super::{Client, Error};
use crate::payload::lenient::{object, words};

words! {
    /// What kind of account a token belongs to. (hub client, `whoami`; OpenAPI)
    pub enum AccountKind {
        /// A user.
        User = "user",
        /// An organisation.
        Organisation = "org",
        /// An app.
        App = "app",
    }
}

object! {
    /// The account that a token belongs to. (hub client, `whoami`; OpenAPI)
    pub struct Account {
        /// Its id, which survives a change of its name.
        pub id: String = "id",
        /// What kind it is of.
        pub kind: AccountKind = "type",
        /// Its name.
        pub name: String = "name",
        /// The organisations that it belongs to.
        pub organisations: Vec<Organisation> = "orgs",
    }
}

object! {
    /// An organisation that an account belongs to.
    pub struct Organisation {
        /// Its id.
        pub id: String = "id",
        /// Its name.
        pub name: String = "name",
    }
}

impl Client {
    /// Whose token the grant names. The Hub limits this call strictly: ask once, and keep the answer in the state.
    ///
    /// `GET /api/whoami-v2` (hub client, `whoami`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn whoami(&self) -> Result<Account, Error> {
        self.get("/api/whoami-v2")?.read()
    }
}
