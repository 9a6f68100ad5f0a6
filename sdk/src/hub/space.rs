//! Making and deleting Spaces.

use serde_json::{Value, json};

use super::{Client, Error, ErrorKind, Once, Repo, RepoKind};
use crate::http::Request;
use crate::payload::lenient::object;

/// What a Space's app is made with. (hub client, `SPACES_SDK_TYPES`)
///
/// ```
/// use hookbox_sdk::hub::{Card, SpaceSdk};
///
/// let card = Card::parse("---\nsdk: docker\n---\n");
/// assert_eq!(card.text("sdk").and_then(SpaceSdk::named), Some(SpaceSdk::Docker));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceSdk {
    /// Gradio.
    Gradio,
    /// Streamlit.
    Streamlit,
    /// A container file.
    Docker,
    /// HTML and JavaScript.
    Static,
}

impl SpaceSdk {
    /// The word that the Hub has for it.
    ///
    /// ```
    /// use hookbox_sdk::hub::SpaceSdk;
    ///
    /// let card = format!("---\nsdk: {}\n---\n# Demo\n", SpaceSdk::Static.as_str());
    /// assert_eq!(card.lines().nth(1), Some("sdk: static"));
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            SpaceSdk::Gradio => "gradio",
            SpaceSdk::Streamlit => "streamlit",
            SpaceSdk::Docker => "docker",
            SpaceSdk::Static => "static",
        }
    }

    /// The SDK of that word, as it stands in a Space's card.
    ///
    /// ```
    /// use hookbox_sdk::hub::SpaceSdk;
    ///
    /// assert_eq!(SpaceSdk::named("gradio"), Some(SpaceSdk::Gradio));
    /// assert_eq!(SpaceSdk::named("Gradio"), None);
    /// ```
    pub fn named(word: &str) -> Option<SpaceSdk> {
        let known = [
            SpaceSdk::Gradio,
            SpaceSdk::Streamlit,
            SpaceSdk::Docker,
            SpaceSdk::Static,
        ];
        known.into_iter().find(|sdk| sdk.as_str() == word)
    }
}

/// A Space that is to be made.
///
/// ```
/// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo-pr-5"}));
///
/// let space = Space::new(Repo::space("my-org/demo-pr-5")?, SpaceSdk::Gradio).private().variable("MODE", "test");
/// let page = Client::new()?.create_space(&space)?.into_inner();
/// assert_eq!(page, "https://huggingface.co/spaces/my-org/demo-pr-5");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    repo: Repo,
    sdk: SpaceSdk,
    is_private: bool,
    hardware: Option<String>,
    sleep_seconds: Option<u64>,
    variables: Vec<(String, String)>,
}

impl Space {
    /// A public Space of that name on the Hub's free hardware.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo"}));
    ///
    /// let space = Space::new(Repo::space("my-org/demo")?, SpaceSdk::Gradio);
    /// Client::new()?.create_space(&space)?;
    /// let asked = json!({"type": "space", "organization": "my-org", "name": "demo", "sdk": "gradio"});
    /// assert_eq!(fake.bodies(), [asked]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn new(repo: Repo, sdk: SpaceSdk) -> Space {
        Space {
            repo,
            sdk,
            is_private: false,
            hardware: None,
            sleep_seconds: None,
            variables: vec![],
        }
    }

    /// Only for its owner.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo"}));
    ///
    /// let space = Space::new(Repo::space("my-org/demo")?, SpaceSdk::Gradio).private();
    /// Client::new()?.create_space(&space)?;
    /// assert_eq!(fake.bodies()[0]["visibility"], "private");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn private(mut self) -> Space {
        self.is_private = true;
        self
    }

    /// On that hardware, by the Hub's word for it: `cpu-upgrade`. It may cost money.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo"}));
    ///
    /// let space = Space::new(Repo::space("my-org/demo")?, SpaceSdk::Gradio).hardware("cpu-upgrade");
    /// Client::new()?.create_space(&space)?;
    /// assert_eq!(fake.bodies()[0]["hardware"], "cpu-upgrade");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn hardware(mut self, hardware: impl Into<String>) -> Space {
        self.hardware = Some(hardware.into());
        self
    }

    /// Sleeps after so many seconds without a visitor; for paid hardware.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo"}));
    ///
    /// let space = Space::new(Repo::space("my-org/demo")?, SpaceSdk::Gradio).hardware("t4-small").sleep_after(300);
    /// Client::new()?.create_space(&space)?;
    /// assert_eq!(fake.bodies()[0]["sleepTimeSeconds"], 300);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn sleep_after(mut self, seconds: u64) -> Space {
        self.sleep_seconds = Some(seconds);
        self
    }

    /// A variable of its app's environment. Everyone can read it; a plugin has no secrets to give.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo, Space, SpaceSdk};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/repos/create", &json!({"url": "https://huggingface.co/spaces/my-org/demo"}));
    ///
    /// let space = Space::new(Repo::space("my-org/demo")?, SpaceSdk::Gradio).variable("MODE", "preview");
    /// Client::new()?.create_space(&space)?;
    /// assert_eq!(fake.bodies()[0]["variables"], json!([{"key": "MODE", "value": "preview"}]));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn variable(mut self, key: impl Into<String>, value: impl Into<String>) -> Space {
        self.variables.push((key.into(), value.into()));
        self
    }

    fn body(&self) -> Result<Value, Error> {
        let mut body = named(&self.repo)?;
        let mut set = |key: &str, value: Value| {
            if let Some(body) = body.as_object_mut() {
                body.insert(key.to_owned(), value);
            }
        };
        set("sdk", json!(self.sdk.as_str()));
        if self.is_private {
            set("visibility", json!("private"));
        }
        if let Some(hardware) = &self.hardware {
            set("hardware", json!(hardware));
        }
        if let Some(seconds) = self.sleep_seconds {
            set("sleepTimeSeconds", json!(seconds));
        }
        if !self.variables.is_empty() {
            let pair = |(key, value): &(String, String)| json!({"key": key, "value": value});
            set("variables", self.variables.iter().map(pair).collect());
        }
        Ok(body)
    }
}

object! {
    /// A repo that was made.
    pub struct Created {
        /// Its page.
        pub url: String = "url",
    }
}

impl Client {
    /// Makes a Space, unless there is one of that name, and returns its page.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Once, Repo, Space, SpaceSdk};
    /// # use hookbox_sdk::{prelude::*, http::Response, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers_with("POST", "/api/repos/create", Ok(Response::new(409)));
    ///
    /// // An earlier attempt has made it.
    /// let space = Space::new(Repo::space("my-org/demo-pr-5")?, SpaceSdk::Gradio);
    /// let page = Client::new()?.create_space(&space)?;
    /// assert_eq!(page, Once::Found("https://huggingface.co/spaces/my-org/demo-pr-5".to_owned()));
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `POST /api/repos/create` (hub client, `create_repo`). The grant of this path cannot bound *which* Spaces are
    /// made: the name stands in the body.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn create_space(&self, space: &Space) -> Result<Once<String>, Error> {
        match self.post("/api/repos/create", &space.body()?) {
            Ok(answer) => Ok(Once::Made(answer.read::<Created>()?.url)),
            // The same status says that another change is under way, which passes. (hub client, `create_repo`)
            Err(error)
                if error.status() == Some(409) && !error.message().contains("in progress") =>
            {
                Ok(Once::Found(format!("{}/{}", self.endpoint(), space.repo)))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a Space with all that is in it. One that is gone already is no error.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Repo};
    /// use hookbox_sdk::{prelude::*, http::Response, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// # fake.answers("DELETE", "/api/repos/delete", &json!({}));
    /// # fake.answers_with("DELETE", "/api/repos/delete", Ok(Response::new(404)));
    ///
    /// let (hub, preview) = (Client::new()?, Repo::space("my-org/demo-pr-5")?);
    /// hub.delete_space(&preview)?;
    /// hub.delete_space(&preview)?; // the Hub says 404 now
    /// assert_eq!(fake.asked(), ["DELETE /api/repos/delete", "DELETE /api/repos/delete"]);
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `DELETE /api/repos/delete` (hub client, `delete_repo`). The grant of this path cannot bound *which* Spaces are
    /// deleted: the name stands in the body.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn delete_space(&self, repo: &Repo) -> Result<(), Error> {
        let url = format!("{}/api/repos/delete", self.endpoint());
        match self.change(Request::delete(url).json(&named(repo)?)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == &ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The body's part that names a Space: its owner apart from its name.
fn named(repo: &Repo) -> Result<Value, Error> {
    match (repo.kind(), repo.name().split_once('/')) {
        (RepoKind::Space, Some((owner, name))) => {
            Ok(json!({"type": "space", "name": name, "organization": owner}))
        }
        _ => Err(Error::argument(format!(
            "{repo} is no Space with an owner: only such are made and deleted here"
        ))),
    }
}
