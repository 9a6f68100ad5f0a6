//! Runs each pull request of a Space as a Space of its own, for as long as it is open.

mod copy;
mod settings;

use hookbox_sdk::hub::{Client, Repo};
use hookbox_sdk::payload::{RefChange, RefUpdate};
use hookbox_sdk::prelude::*;

use copy::Synced;
use settings::Settings;

plugin! {
    description: "Runs each pull request of a Space as a Space of its own",
    handlers: [discussed, pushed],
    wants: [
        Want::http("huggingface.co")
            .methods(["GET"])
            .paths([
                "/api/spaces/*/*/discussions/*",
                "/api/spaces/*/*/refs",
                "/api/spaces/*/*/tree/*",
                "/spaces/*/*/raw/**",
                "/api/whoami-v2",
            ])
            .credential(TOKEN)
            .required()
            .because("it reads pull requests and the Spaces that it made of them"),
        Want::http("huggingface.co")
            .methods(["POST"])
            .paths([
                "/api/spaces/*/*/discussions/*/comment",
                "/api/spaces/*/*/commit/main",
                "/api/repos/create",
            ])
            .credential(TOKEN)
            .required()
            .because("it copies pull requests into Spaces that it makes, and tells where"),
        Want::http("huggingface.co")
            .methods(["DELETE"])
            .paths(["/api/repos/delete"])
            .credential(TOKEN)
            .required()
            .because("it deletes those Spaces"),
        Want::config("trusted-authors")
            .required()
            .because("the ids of the accounts whose pull requests are run"),
        Want::config("hardware").because("the Spaces' hardware, if not the free one: it costs money"),
        Want::config("sleep-seconds").because("when a Space on paid hardware sleeps"),
        Want::config("visibility").because("`public`, if everybody may see what a pull request runs"),
    ],
}

/// What its token is for.
const TOKEN: &str =
    "a token that may comment in the Space, and make and delete Spaces of its owner";

/// What stands between the names of a Space and the number of its pull request.
const SUFFIX: &str = "-ci-pr-";

/// Pull requests that one push may change. The Hub tells of one, as a rule.
const PULLS_MAX: usize = 10;

#[on("discussion", actions = [create, update, delete])]
fn discussed(event: &DiscussionEvent) -> Result {
    if !event.discussion.is_pull_request {
        return ignored("it is no pull request");
    }
    let source = match source(event)? {
        Ok(source) => source,
        Err(why) => return ignored(why),
    };
    let (hub, num) = (Client::new()?, event.discussion.num);
    if event.action() == "delete" {
        return remove(&hub, &source, num);
    }
    attend(&hub, &source, num, None)
}

#[on("repo.content", actions = [update])]
fn pushed(event: &ContentEvent) -> Result {
    let updates = event.refs.iter();
    let pulls: Vec<_> = updates
        .filter_map(|update| Some((pull(update)?, update)))
        .collect();
    if pulls.is_empty() {
        return ignored("no pull request changed");
    }
    let source = match source(event)? {
        Ok(source) => source,
        Err(why) => return ignored(why),
    };
    let hub = Client::new()?;
    let mut told = Vec::new();
    for (num, update) in pulls.iter().take(PULLS_MAX) {
        told.push(match update.change() {
            RefChange::Deleted => remove(&hub, &source, *num)?,
            RefChange::Created | RefChange::Updated => {
                attend(&hub, &source, *num, update.new_commit())?
            }
        });
    }
    Ok(together(told))
}

/// The number of a pull request whose ref it is.
fn pull(update: &RefUpdate) -> Option<u64> {
    update.name.strip_prefix("refs/pr/")?.parse().ok()
}

/// One outcome for all.
fn together(mut told: Vec<Outcome>) -> Outcome {
    if told.len() == 1 {
        return told.remove(0);
    }
    let is_done = told
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Done(_)));
    let texts = told.into_iter().filter_map(|outcome| match outcome {
        Outcome::Done(text) | Outcome::Ignored(text) => text,
    });
    let text = Some(texts.collect::<Vec<_>>().join("; "));
    if is_done {
        Outcome::Done(text)
    } else {
        Outcome::Ignored(text)
    }
}

/// The Space that the event is about, or why it is left alone.
fn source(event: &Event) -> Result<Result<Repo, &'static str>> {
    if event.repo_type() != Some("space") {
        return Ok(Err("it is no Space"));
    }
    let repo = Repo::of(event)?;
    if is_own(repo.name()) {
        return Ok(Err("it is a Space of a pull request itself"));
    }
    Ok(Ok(repo))
}

/// Whether a Space has the name of one that this plugin makes.
fn is_own(name: &str) -> bool {
    let num = name.rsplit_once(SUFFIX).map(|(_, num)| num);
    num.is_some_and(|num| !num.is_empty() && num.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The Space of a pull request.
fn target(source: &Repo, num: u64) -> Result<Repo, hub::Error> {
    Repo::space(&format!("{}{SUFFIX}{num}", source.name()))
}

/// Makes what is there what there should be. What the event says is old by now, perhaps: the Hub is asked.
fn attend(hub: &Client, source: &Repo, num: u64, told: Option<&str>) -> Result {
    let thread = hub.discussion(source, num)?;
    if !thread.is_pull_request {
        return ignored(format!("{source}#{num} is no pull request"));
    }
    if !thread.status.is_open() {
        return remove(hub, source, num);
    }
    let settings = Settings::read()?;
    let author = thread.author.as_ref().map(|author| author.id.as_str());
    let author = author.unwrap_or_default();
    if !settings.trusts(author) {
        return ignored(format!(
            "{source}#{num} is by {author:?}, who is not among `trusted-authors`"
        ));
    }
    let target = target(source, num)?;
    let Some(commit) = head(hub, source, num)?.or_else(|| told.map(str::to_owned)) else {
        return Err(Failure::retry(format!("{source}#{num} has no commit yet")));
    };
    let Some(synced) = copy::sync(hub, source, &commit, &target, &settings)? else {
        return ignored(format!("the README.md of {source}#{num} names no sdk"));
    };
    let url = format!("{}/{target}", hub.endpoint());
    tell_once(hub, source, num, &target, &comment(&url, &synced))?;
    let left_out = synced.left_out.len();
    let text = format!("{url} is at {commit}: {synced}, {left_out} left out");
    if synced.is_changed() {
        done(text)
    } else {
        ignored(text)
    }
}

/// The commit that a pull request is at.
fn head(hub: &Client, source: &Repo, num: u64) -> Result<Option<String>, hub::Error> {
    let name = format!("refs/pr/{num}");
    let pulls = hub.refs(source)?.pull_requests.into_iter();
    let mut found = pulls.filter(|pull| pull.full_name == name && !pull.commit.is_empty());
    Ok(found.next().map(|pull| pull.commit))
}

/// Deletes the Space of a pull request, if there is one.
fn remove(hub: &Client, source: &Repo, num: u64) -> Result {
    let target = target(source, num)?;
    if copy::files(hub, &target)?.is_none() {
        return ignored(format!("there is no {target}"));
    }
    hub.delete_space(&target)?;
    done(format!("deleted {target}"))
}

/// Writes the comment, unless any run has written it there before. Anybody can guess its mark and write it, so where it
/// stands, the Hub is asked whose the token is.
fn tell_once(
    hub: &Client,
    source: &Repo,
    num: u64,
    target: &Repo,
    text: &str,
) -> Result<(), hub::Error> {
    let mark = format!("space-ci {target}");
    let thread = hub.discussion(source, num)?;
    let is_told = thread.comment_of_run(&mark).is_some()
        && thread.comment_by(&hub.whoami()?, &mark).is_some();
    if !is_told {
        hub.comment(source, num, &hub::marked(text, &mark))?;
    }
    Ok(())
}

/// What is told of the Space.
fn comment(url: &str, synced: &Synced) -> String {
    let mut text = format!(
        "This pull request runs as a Space: {url}\n\nIt follows each push, and is deleted when the pull request is \
         closed or merged."
    );
    let shown = copy::shown(&synced.left_out);
    if !shown.is_empty() {
        text.push_str(
            "\n\nNot copied, as they are large or have a name that no request can hold:\n",
        );
        text.push_str(&shown);
    }
    text
}

#[cfg(test)]
mod tests;
