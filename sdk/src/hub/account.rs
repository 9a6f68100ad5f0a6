//! Whose token the grant names.

use super::{Client, Error};
use crate::payload::lenient::{object, words};

words! {
    /// What kind of account a token belongs to. (hub client, `whoami`; OpenAPI)
    ///
    /// ```
    /// use hookbox_sdk::hub::{AccountKind, Client};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("GET", "/api/whoami-v2", &json!({"type": "org", "name": "my-org"}));
    ///
    /// let account = Client::new()?.whoami()?;
    /// assert_eq!(account.kind, AccountKind::Organisation);
    /// assert_eq!(account.kind.as_str(), "org"); // the Hub's word
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::Client;
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let by = |id| json!({"type": "comment", "author": {"_id": id}, "data": {"latest": {"raw": "Hello!"}}});
    /// # fake.answers("GET", "/api/whoami-v2", &json!({"id": "6397f608", "name": "my-bot"}));
    /// # let thread = json!({"num": 7, "events": [by("6397f608"), by("61d2000c")]});
    /// # fake.answers("GET", "/api/models/my-org/bert/discussions/7", &thread);
    ///
    /// let hub = Client::new()?;
    /// let own = hub.whoami()?;
    /// let thread = hub.discussion(&hub::Repo::model("my-org/bert")?, 7)?;
    /// assert_eq!(thread.events.iter().filter(|entry| entry.is_by(&own)).count(), 1);
    /// # Ok::<(), Failure>(())
    /// ```
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
    ///
    /// ```
    /// use hookbox_sdk::hub::Client;
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let answer = json!({"name": "my-bot", "orgs": [{"id": "61d375fd", "name": "my-org"}]});
    /// # fake.answers("GET", "/api/whoami-v2", &answer);
    ///
    /// let account = Client::new()?.whoami()?;
    /// assert!(account.organisations.iter().any(|organisation| organisation.name == "my-org"));
    /// # Ok::<(), Failure>(())
    /// ```
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
    /// ```
    /// use hookbox_sdk::{hub::Client, prelude::*, testing};
    ///
    /// /// The plugin's own id, asked for once.
    /// fn own_id() -> Result<String> {
    ///     let state = state::open()?;
    ///     if let Some(id) = state.text("own-id")? {
    ///         return Ok(id);
    ///     }
    ///     let id = Client::new()?.whoami()?.id;
    ///     state.set("own-id", &id)?;
    ///     Ok(id)
    /// }
    ///
    /// # let _state = testing::state();
    /// let fake = testing::FakeHub::start();
    /// fake.answers("GET", "/api/whoami-v2", &json!({"id": "6397f608", "name": "my-bot"}));
    /// assert_eq!((own_id()?, own_id()?), ("6397f608".to_owned(), "6397f608".to_owned()));
    /// assert_eq!(fake.asked(), ["GET /api/whoami-v2"]);
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `GET /api/whoami-v2` (hub client, `whoami`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn whoami(&self) -> Result<Account, Error> {
        self.get("/api/whoami-v2")?.read()
    }
}
