//! The bot as a Hookbox plugin: answers mentions in discussions of the Hub.

use hookbox_sdk::hub::{Chat, Client, Repo};
use hookbox_sdk::prelude::*;

#[on("discussion.comment", actions = [create])]
fn mention(event: &CommentEvent) -> Result {
    let (num, name) = (event.discussion.num, config::require("name")?);
    let question = event.comment.content.as_deref().unwrap_or_default();
    if !question.contains(&format!("@{name}")) {
        return ignored("not for me");
    }
    let (hub, repo) = (Client::new()?, Repo::of(event)?);
    let chat = Chat::new("moonshotai/Kimi-K2.6");
    let said = hub.complete(&chat.user(question).tokens_max(500))?.text;
    hub.comment_once(&repo, num, event.run_id(), &said)?;
    done(format!("answered in {repo}#{num}"))
}

plugin! {
    description: "Answers mentions in discussions",
    handlers: [mention],
}

#[cfg(test)]
mod tests;
