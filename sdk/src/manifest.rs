//! What a plugin says of itself: which events it handles and what it asks its operator for.

use crate::json::quoted;

/// What a plugin says of itself, as the host reads it when the plugin is loaded.
///
/// ```
/// use hookbox_sdk::prelude::*;
///
/// #[on("repo.*")]
/// fn count(_: RepoEvent) -> Result { done("1") }
///
/// plugin! { description: "Counts", handlers: [count] }
///
/// # fn main() {
/// let manifest = PLUGIN.manifest();
/// assert_eq!(manifest.description, "Counts");
/// assert_eq!(manifest.subscriptions[0].scope, "repo.*");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The plugin's version: that of its crate.
    pub version: String,
    /// One line that says what it does.
    pub description: String,
    /// The events it handles.
    pub subscriptions: Vec<Subscription>,
    /// What it asks its operator for.
    pub wants: Vec<Want>,
}

/// Events that a plugin handles.
///
/// ```
/// use hookbox_sdk::{Subscription, prelude::*};
///
/// #[on("discussion.comment", actions = [create])]
/// fn greet(_: CommentEvent) -> Result { done("hello") }
///
/// plugin! { description: "Says hello", handlers: [greet] }
///
/// # fn main() {
/// let declared = Subscription { scope: "discussion.comment".to_owned(), actions: vec!["create".to_owned()] };
/// assert_eq!(PLUGIN.manifest().subscriptions, [declared]);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// An exact scope (`repo.content`), a subtree (`repo.*`), or `*` for all.
    pub scope: String,
    /// The actions it handles; empty for all.
    pub actions: Vec<String>,
}

/// Something that a plugin asks its operator for. Asking grants nothing: the operator's grant does.
///
/// ```
/// use hookbox_sdk::Want;
///
/// let want = Want::http("huggingface.co").methods(["GET", "POST"]).required().because("it answers comments");
/// assert_eq!(want.name(), "huggingface.co");
/// assert_eq!(want.detail(), r#"{"methods":["GET","POST"]}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) reason: String,
    methods: Vec<String>,
    paths: Vec<String>,
    credential: Option<String>,
}

impl Want {
    /// Requests over https to a host.
    ///
    /// ```
    /// assert_eq!(hookbox_sdk::Want::http("huggingface.co").kind(), "http");
    /// ```
    pub fn http(host: impl Into<String>) -> Want {
        Want::new("http", host.into())
    }

    /// A setting, by its key.
    ///
    /// ```
    /// assert_eq!(hookbox_sdk::Want::config("channel").kind(), "config");
    /// ```
    pub fn config(key: impl Into<String>) -> Want {
        Want::new("config", key.into())
    }

    /// A place of its own for keys and values that outlive a delivery. The label is for the operator's eyes.
    ///
    /// ```
    /// assert_eq!(hookbox_sdk::Want::state("answered comments").kind(), "state");
    /// ```
    pub fn state(label: impl Into<String>) -> Want {
        Want::new("state", label.into())
    }

    fn new(kind: &'static str, name: String) -> Want {
        Want {
            kind,
            name,
            required: false,
            reason: String::new(),
            methods: vec![],
            paths: vec![],
            credential: None,
        }
    }

    /// The request methods it needs; say all that it uses.
    ///
    /// ```
    /// let want = hookbox_sdk::Want::http("huggingface.co").methods(["GET", "POST"]);
    /// assert_eq!(want.detail(), r#"{"methods":["GET","POST"]}"#);
    /// ```
    #[must_use = "it returns the want with this added"]
    pub fn methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Want {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// The paths it needs, as globs (`/api/models/**`).
    ///
    /// ```
    /// let want = hookbox_sdk::Want::http("huggingface.co").paths(["/api/models/my-org/**"]);
    /// assert_eq!(want.detail(), r#"{"paths":["/api/models/my-org/**"]}"#);
    /// ```
    #[must_use = "it returns the want with this added"]
    pub fn paths<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Want {
        self.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// The credential that the host should add to its requests, in words for the operator: the plugin never sees it.
    ///
    /// ```
    /// let want = hookbox_sdk::Want::http("huggingface.co").credential("a token that may write discussions");
    /// assert_eq!(want.detail(), r#"{"credential":"a token that may write discussions"}"#);
    /// ```
    #[must_use = "it returns the want with this added"]
    pub fn credential(mut self, wish: impl Into<String>) -> Want {
        self.credential = Some(wish.into());
        self
    }

    /// The plugin is useless without it: the host holds the plugin until it is granted.
    ///
    /// ```
    /// use hookbox_sdk::Want;
    ///
    /// assert!(Want::http("huggingface.co").required().is_required());
    /// assert!(!Want::http("slack.com").is_required());
    /// ```
    #[must_use = "it returns the want with this added"]
    pub fn required(mut self) -> Want {
        self.required = true;
        self
    }

    /// Why, in words for the operator.
    ///
    /// ```
    /// let want = hookbox_sdk::Want::config("channel").because("it says there what happened");
    /// assert_eq!(want.reason(), "it says there what happened");
    /// ```
    #[must_use = "it returns the want with this added"]
    pub fn because(mut self, reason: impl Into<String>) -> Want {
        self.reason = reason.into();
        self
    }

    /// `http`, `config` or `state`.
    ///
    /// ```
    /// use hookbox_sdk::Want;
    ///
    /// let wants = [Want::http("slack.com"), Want::config("channel"), Want::state("what was said")];
    /// assert_eq!(wants.each_ref().map(Want::kind), ["http", "config", "state"]);
    /// ```
    pub fn kind(&self) -> &str {
        self.kind
    }

    /// The host, the key or the label.
    ///
    /// ```
    /// use hookbox_sdk::Want;
    ///
    /// let wants = [Want::http("slack.com"), Want::config("channel"), Want::state("what was said")];
    /// assert_eq!(wants.each_ref().map(Want::name), ["slack.com", "channel", "what was said"]);
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the plugin is useless without it.
    ///
    /// ```
    /// use hookbox_sdk::prelude::*;
    ///
    /// #[on("repo.content")]
    /// fn tell(event: ContentEvent) -> Result { done(event.repo.name.as_str()) }
    ///
    /// plugin! {
    ///     description: "Tells a channel of pushes",
    ///     handlers: [tell],
    ///     wants: [Want::http("slack.com").required(), Want::config("channel")],
    /// }
    ///
    /// # fn main() {
    /// let held_without: Vec<_> = PLUGIN.manifest().wants.into_iter().filter(Want::is_required).collect();
    /// assert_eq!(held_without[0].name(), "slack.com");
    /// # }
    /// ```
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Why, in words for the operator.
    ///
    /// ```
    /// use hookbox_sdk::Want;
    ///
    /// assert_eq!(Want::state("seen").because("nobody is greeted twice").reason(), "nobody is greeted twice");
    /// assert_eq!(Want::state("seen").reason(), "");
    /// ```
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Methods, paths and credential as a JSON object; an empty text if there are none.
    ///
    /// ```
    /// use hookbox_sdk::Want;
    ///
    /// let want = Want::http("huggingface.co").methods(["GET"]).paths(["/api/**"]);
    /// assert_eq!(want.detail(), r#"{"methods":["GET"],"paths":["/api/**"]}"#);
    /// assert_eq!(Want::config("channel").detail(), "");
    /// ```
    pub fn detail(&self) -> String {
        let mut parts = Vec::new();
        if !self.methods.is_empty() {
            parts.push(("methods", list(&self.methods)));
        }
        if !self.paths.is_empty() {
            parts.push(("paths", list(&self.paths)));
        }
        if let Some(credential) = &self.credential {
            parts.push(("credential", quoted(credential)));
        }
        let mut detail = String::new();
        for (name, json) in parts {
            detail.push_str(if detail.is_empty() { "{\"" } else { ",\"" });
            detail.push_str(name);
            detail.push_str("\":");
            detail.push_str(&json);
        }
        if !detail.is_empty() {
            detail.push('}');
        }
        detail
    }
}

/// Texts as a JSON list.
fn list(items: &[String]) -> String {
    let mut json = String::new();
    for item in items {
        json.push(if json.is_empty() { '[' } else { ',' });
        json.push_str(&quoted(item));
    }
    json.push(']');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_says_what_it_asks_for_and_why() {
        let want = Want::http("huggingface.co")
            .methods(["GET"])
            .paths(["/api/**"])
            .credential("a token that may comment")
            .required()
            .because("it answers comments");
        let detail =
            r#"{"methods":["GET"],"paths":["/api/**"],"credential":"a token that may comment"}"#;
        assert_eq!(want.detail(), detail);
        assert!(want.is_required());
        assert_eq!(want.reason(), "it answers comments");
    }

    #[test]
    fn a_bare_want_has_no_detail() {
        let want = Want::config("channel");
        assert_eq!(
            (want.kind(), want.name(), want.detail()),
            ("config", "channel", String::new())
        );
        assert!(!want.is_required());
    }
}
