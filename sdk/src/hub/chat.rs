//! Chat completions through the router of inference providers.

use serde_json::{Value, json};

use super::{Client, Error};
use crate::http::Request;
use crate::payload::lenient::object;

/// What a model is to answer.
///
/// ```
/// use hookbox_sdk::hub::{Chat, Client};
/// use hookbox_sdk::{prelude::*, testing::FakeHub};
///
/// let hub = FakeHub::start();
/// hub.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "Hello!"}}]}));
/// let chat = Chat::new("moonshotai/Kimi-K2.6").system("You are brief.").user("Greet Ada.").tokens_max(500);
/// assert_eq!(Client::new()?.complete(&chat)?.text, "Hello!");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    model: String,
    messages: Vec<Value>,
    tokens_max: Option<u64>,
}

impl Chat {
    /// A conversation with a model, by its name on the Hub.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "Hello!"}}]}));
    /// Client::new()?.complete(&Chat::new("moonshotai/Kimi-K2.6").user("Greet Ada."))?;
    /// assert_eq!(fake.bodies()[0]["model"], "moonshotai/Kimi-K2.6");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn new(model: impl Into<String>) -> Chat {
        Chat {
            model: model.into(),
            messages: vec![],
            tokens_max: None,
        }
    }

    /// What the model should know and heed.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "Bonjour !"}}]}));
    /// let chat = Chat::new("moonshotai/Kimi-K2.6").system("You answer in French.").user("Greet Ada.");
    /// Client::new()?.complete(&chat)?;
    /// assert_eq!(fake.bodies()[0]["messages"][0], json!({"role": "system", "content": "You answer in French."}));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Chat {
        self.message("system", text.into())
    }

    /// What a person says. It is text of others: a model may do what it says, so give the model no power over anything.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "It is MIT."}}]}));
    /// let event = Event::sample("discussion-comment")?;
    /// let asked = event.payload()?.comment.as_ref().and_then(|comment| comment.content.as_deref());
    /// Client::new()?.complete(&Chat::new("moonshotai/Kimi-K2.6").user(asked.unwrap_or_default()))?;
    /// assert_eq!(fake.bodies()[0]["messages"], json!([{"role": "user", "content": "This adds an env key"}]));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Chat {
        self.message("user", text.into())
    }

    /// What the model said before.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "Since May."}}]}));
    /// let chat = Chat::new("moonshotai/Kimi-K2.6").user("Which licence?").assistant("MIT.").user("Since when?");
    /// Client::new()?.complete(&chat)?;
    /// assert_eq!(fake.bodies()[0]["messages"][1]["role"], "assistant");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Chat {
        self.message("assistant", text.into())
    }

    fn message(mut self, role: &str, text: String) -> Chat {
        self.messages.push(json!({"role": role, "content": text}));
        self
    }

    /// At most so many tokens in the answer.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "Hello!"}}]}));
    /// Client::new()?.complete(&Chat::new("moonshotai/Kimi-K2.6").user("Greet Ada.").tokens_max(500))?;
    /// assert_eq!(fake.bodies()[0]["max_tokens"], 500);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn tokens_max(mut self, tokens: u64) -> Chat {
        self.tokens_max = Some(tokens);
        self
    }
}

/// What a model answered.
///
/// ```
/// use hookbox_sdk::hub::{Chat, Client};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let cut = json!({"choices": [{"message": {"content": "Once upon a"}, "finish_reason": "length"}]});
/// # fake.answers("POST", "/v1/chat/completions", &cut);
///
/// let completion = Client::new()?.complete(&Chat::new("moonshotai/Kimi-K2.6").user("Tell a story."))?;
/// let text = match completion.finish_reason.as_str() {
///     "length" => format!("{}…", completion.text),
///     _ => completion.text,
/// };
/// assert_eq!(text, "Once upon a…");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// Its text.
    pub text: String,
    /// Why it ended: `stop`, or `length` where it was cut.
    pub finish_reason: String,
    /// The model that answered, in the router's words.
    pub model: String,
}

object! {
    /// The router's answer.
    pub struct Answered {
        /// The model.
        pub model: String = "model",
        /// Answers, of which one was asked for.
        pub choices: Vec<Choice> = "choices",
    }
}

object! {
    /// One answer.
    pub struct Choice {
        /// What is said.
        pub message: Said = "message",
        /// Why it ended.
        pub finish_reason: String = "finish_reason",
    }
}

object! {
    /// What is said.
    pub struct Said {
        /// The text.
        pub content: String = "content",
    }
}

impl Client {
    /// Has a model answer. That takes its time: an attempt has ten seconds, and a call too, unless the grant says more.
    /// Give the attempt clearly more than the call, such as `timeout = "90s"` and `timeout = "60s"` in the entry of the
    /// router. Then a model that hangs is a call that failed, and is tried again; were they equal, the attempt would be
    /// cut off as one of a plugin that hangs, and those pause it.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Chat, Client};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// fn summary(text: &str) -> Result<String> {
    ///     let chat = Chat::new("moonshotai/Kimi-K2.6").system("Sum up in one sentence.").user(text);
    ///     Ok(Client::new()?.complete(&chat)?.text)
    /// }
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/v1/chat/completions", &json!({"choices": [{"message": {"content": "It adds a key."}}]}));
    /// assert_eq!(summary("This adds an env key")?, "It adds a key.");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `POST /v1/chat/completions` of the router (docs: "Inference Providers", chat completion; the shape is OpenAI's)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn complete(&self, chat: &Chat) -> Result<Completion, Error> {
        let mut body = json!({"model": chat.model, "messages": chat.messages});
        if let (Some(tokens), Some(body)) = (chat.tokens_max, body.as_object_mut()) {
            body.insert("max_tokens".to_owned(), json!(tokens));
        }
        let url = format!("{}/v1/chat/completions", self.router());
        let answer = self.change(Request::post(url).json(&body))?;
        let answered: Answered = answer.read()?;
        let Some(choice) = answered.choices.into_iter().next() else {
            return Err(answer.unreadable("it has no choices"));
        };
        // As of a model that was cut while it reasoned.
        if choice.message.content.trim().is_empty() {
            return Err(answer.unreadable("it has no text"));
        }
        Ok(Completion {
            text: choice.message.content,
            finish_reason: choice.finish_reason,
            model: answered.model,
        })
    }
}
