//! Reviews the metadata of models and datasets: one discussion for each repo, kept up to date.

mod review;

use hookbox_sdk::hub::{
    Author, Client, Discussion, Error, Filter, Repo, Thread, is_marked, marked,
};
use hookbox_sdk::prelude::*;
use hookbox_sdk::state::Store;

use review::Review;

plugin! {
    description: "Reviews the metadata of models and datasets in one discussion for each",
    handlers: [created, changed],
    wants: [
        Want::http("huggingface.co")
            .methods(["GET"])
            .paths([
                "/*/*/raw/*/README.md",
                "/datasets/*/*/raw/*/README.md",
                "/api/*/*/*/discussions",
                "/api/*/*/*/discussions/*",
            ])
            .credential("a token that may read the repos and write discussions")
            .required()
            .because("it reads the card, and its review"),
        Want::http("huggingface.co")
            .methods(["POST"])
            .paths(["/api/*/*/*/discussions", "/api/*/*/*/discussions/*/comment"])
            .credential("a token that may read the repos and write discussions")
            .required()
            .because("it writes its review"),
        Want::config("account").required().because("the account of the token: it knows its own discussions by it"),
        Want::state("the discussion and the score of each repo")
            .required()
            .because("it comments only if the score is another one"),
    ],
}

/// The title of every review: it is found by it again.
const TITLE: &str = "Metadata review";

/// The most bytes of a card that are looked at.
const CARD_BYTES_MAX: usize = 256 * 1024;

#[on("repo", actions = [create])]
fn created(event: &RepoEvent) -> Result {
    let Some(repo) = reviewed(event)? else {
        return ignored("it is neither a model nor a dataset");
    };
    let hub = Client::new()?;
    match card(&hub, &repo, "main")? {
        Some(card) => review(event, &hub, &repo, &Review::new(repo.kind(), &card)),
        None => ignored("it has no card yet: its first push is reviewed"),
    }
}

#[on("repo.content", actions = [update])]
fn changed(event: &ContentEvent) -> Result {
    let mut updates = event.refs.iter();
    let Some(update) = updates.find(|update| update.is_main()) else {
        return ignored("main did not change");
    };
    let Some(repo) = reviewed(event)? else {
        return ignored("it is neither a model nor a dataset");
    };
    let Some(commit) = update.new_commit() else {
        return ignored("main is gone: there is nothing to review");
    };
    let hub = Client::new()?;
    let card = card(&hub, &repo, commit)?.unwrap_or_default();
    review(event, &hub, &repo, &Review::new(repo.kind(), &card))
}

/// The repo, if it is of a kind that is reviewed.
fn reviewed(event: &Event) -> Result<Option<Repo>> {
    match event.repo_type() {
        Some("model" | "dataset") => Ok(Some(Repo::of(event)?)),
        _ => Ok(None),
    }
}

/// The card at a revision, if the repo has one.
fn card(hub: &Client, repo: &Repo, revision: &str) -> Result<Option<String>, Error> {
    match hub.read_file(repo, revision, "README.md") {
        Ok(mut file) => {
            file.content.truncate(CARD_BYTES_MAX);
            Ok(Some(file.text().into_owned()))
        }
        // The Hub has another word where it does not show the repo.
        Err(error)
            if error.is_not_found() && matches!(error.code(), None | Some("EntryNotFound")) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn review(event: &Event, hub: &Client, repo: &Repo, review: &Review) -> Result {
    let state = state::open()?;
    let key = format!("review/{}", event.repo_id().unwrap_or(repo.name()));
    let known = match Known::read(&state, &key)? {
        Some(known) => Some(known),
        None => search(hub, repo)?,
    };
    let (outcome, num) = match known {
        None => {
            let text = marked(&review.to_string(), event.run_id());
            let opened = hub.open_discussion(repo, TITLE, &text)?;
            (
                done(format!(
                    "reviewed in {repo}#{}: {}",
                    opened.num,
                    review.score()
                ))?,
                opened.num,
            )
        }
        Some(known) if known.score == Some(review.score()) => (
            ignored(format!("the score is still {}", review.score()))?,
            known.num,
        ),
        Some(known) => (update(event, hub, repo, &known, review)?, known.num),
    };
    state.set(&key, format!("{num} {}", review.score()))?;
    Ok(outcome)
}

/// Tells the new score where the review is, unless nobody wants to hear it.
fn update(event: &Event, hub: &Client, repo: &Repo, known: &Known, review: &Review) -> Result {
    let num = known.num;
    let thread = match hub.discussion(repo, num) {
        Ok(thread) => thread,
        Err(error) if error.is_not_found() => return ignored(format!("{repo}#{num} is gone")),
        Err(error) => return Err(error.into()),
    };
    if !thread.status.is_open() {
        return ignored(format!("{repo}#{num} is closed"));
    }
    hub.comment_once(repo, num, event.run_id(), &review.to_string())?;
    done(format!("commented in {repo}#{num}: {}", review.score()))
}

/// A review that was opened before.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    num: u64,
    /// The score that was told last.
    score: Option<u32>,
}

impl Known {
    /// What the state says: number and score.
    fn read(state: &Store, key: &str) -> Result<Option<Known>, state::Error> {
        let kept = state.text(key)?.unwrap_or_default();
        let Some((num, score)) = kept.split_once(' ') else {
            return Ok(None);
        };
        let known = num.parse().map(|num| Known {
            num,
            score: score.parse().ok(),
        });
        Ok(known.ok())
    }

    /// What a discussion says, if a run of this plugin has opened it. Anybody may write a mark: only what the account
    /// has written counts.
    fn of(thread: &Thread, account: &str) -> Option<Known> {
        let own = thread
            .events
            .iter()
            .filter(|event| is_by(event.author.as_ref(), account));
        let texts = own.map(|event| event.data.latest.raw.as_str());
        let mut scores = texts
            .filter(|text| is_marked(text))
            .filter_map(review::told);
        scores.next_back().map(|score| Known {
            num: thread.num,
            score: Some(score),
        })
    }
}

/// Whether that is the account; the Hub takes no notice of the case of names.
fn is_by(author: Option<&Author>, account: &str) -> bool {
    author.is_some_and(|author| author.name.eq_ignore_ascii_case(account))
}

/// Looks for the review on the Hub: the state may be lost, or an attempt was cut off before it was kept.
fn search(hub: &Client, repo: &Repo) -> Result<Option<Known>> {
    let account = config::require("account")?;
    let own = hub.discussions(repo, &Filter::new().discussions().by(&account))?;
    // The oldest one first: whatever has the same title came later.
    let is_own =
        |found: &&Discussion| found.title == TITLE && is_by(found.author.as_ref(), &account);
    for found in own.iter().rev().filter(is_own) {
        if let Some(known) = Known::of(&hub.discussion(repo, found.num)?, &account) {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
