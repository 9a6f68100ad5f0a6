//! Starts a Job when the data of a dataset changes.

mod files;

use hookbox_sdk::hub::{Change, Client, EntryKind, ErrorKind, Job, JobInfo, JobStage, Repo};
use hookbox_sdk::payload::RefUpdate;
use hookbox_sdk::prelude::*;
use hookbox_sdk::serde_json;

use files::Patterns;

plugin! {
    description: "Starts a Job when the data of a dataset changes",
    handlers: [retrain],
    wants: [
        Want::http("huggingface.co")
            .methods(["GET"])
            .paths([
                "/api/datasets/*/*/compare/*",
                "/api/datasets/*/*/tree/*",
                "/api/jobs/*",
            ])
            .credential("a token that may read the datasets and run Jobs")
            .required()
            .because("it asks which files changed, and whether there is a Job"),
        Want::http("huggingface.co")
            .methods(["POST"])
            .paths(["/api/jobs/*"])
            .credential("a token that may read the datasets and run Jobs")
            .required()
            .because("it starts the Job"),
        Want::state("the commit of each dataset that was judged last")
            .required()
            .because("several pushes may become one event: it compares with what it has judged, not with the last push"),
        Want::config("namespace").required().because("the user or organisation that runs the Job, and pays for it"),
        Want::config("image").required().because("the container image of the Job"),
        Want::config("command").required().because("what the Job runs"),
        Want::config("base-model").because("the model that is trained further, as the Job's BASE_MODEL"),
        Want::config("flavor").because("the Job's hardware, if not cpu-basic"),
        Want::config("timeout-seconds").because("when the Job ends at the latest, if not after the Hub's own time"),
        Want::config("files").because("which files are data, if not all but the card and hidden files"),
    ],
}

/// The label with the id of the run that started a Job.
const RUN: &str = "hookbox-run";
/// The label with the commit that a Job trains on.
const COMMIT: &str = "hookbox-commit";
/// The label with the id of the dataset: a copy of a dataset has commits in common with it.
const DATASET: &str = "hookbox-dataset";

/// The most files that are named in the log.
const FILES_SHOWN_MAX: usize = 10;

#[on("repo.content", actions = [update])]
fn retrain(event: &ContentEvent) -> Result {
    let mut updates = event.refs.iter();
    let Some(update) = updates.find(|update| update.is_main()) else {
        return ignored("main did not change");
    };
    if event.repo_type() != Some("dataset") {
        return ignored("it is no dataset");
    }
    let (repo, Some(commit)) = (Repo::of(event)?, update.new_commit()) else {
        return ignored("main is gone: there is nothing to train on");
    };
    let (plan, hub, state) = (Plan::read()?, Client::new()?, state::open()?);
    let key = format!("judged/{}", id(event));
    let judged = state.text(&key)?;
    let known = hub.jobs(&plan.namespace, (COMMIT, commit))?;
    let mine = |job: &&JobInfo| job.labels.get(DATASET) == Some(id(event));
    let known: Vec<_> = known.iter().filter(mine).collect();
    let outcome = match verdict(&known, event.run_id()) {
        Verdict::Own(job) => done(format!("Job {job} was started before"))?,
        Verdict::Another(job) => ignored(format!("Job {job} is there for this commit"))?,
        Verdict::None if judged.as_deref() == Some(commit) => ignored("it was judged before")?,
        Verdict::None => {
            let changed = changed(&hub, &repo, update, judged.as_deref(), commit)?;
            let data: Vec<_> = changed.iter().filter(|path| plan.data.fit(path)).collect();
            if data.is_empty() {
                ignored(format!("no data changed; other files: {}", changed.len()))?
            } else {
                let shown: Vec<_> = data.iter().take(FILES_SHOWN_MAX).collect();
                log::info!("{repo}: {} files of data changed: {shown:?}", data.len());
                plan.start(&hub, event, &repo, commit)?
            }
        }
        // It ended badly, and somebody wants it tried again.
        Verdict::Failed => plan.start(&hub, event, &repo, commit)?,
    };
    state.set(&key, commit)?;
    Ok(outcome)
}

/// What stands for the dataset: its id survives a rename.
fn id(event: &Event) -> &str {
    event.repo_id().or(event.repo_name()).unwrap_or_default()
}

/// What the Jobs that are there for a commit say about another one.
#[derive(Debug, PartialEq, Eq)]
enum Verdict<'a> {
    /// An earlier attempt of this run started one.
    Own(&'a str),
    /// Another run did, for the same commit.
    Another(&'a str),
    /// Others did, and all of these ended badly.
    Failed,
    /// There is none.
    None,
}

fn verdict<'a>(known: &[&'a JobInfo], run_id: &str) -> Verdict<'a> {
    let find = |fits: &dyn Fn(&JobInfo) -> bool| known.iter().find(|job| fits(job));
    if let Some(own) = find(&|job| job.labels.get(RUN) == Some(run_id)) {
        return Verdict::Own(&own.id);
    }
    let failed = [JobStage::Error, JobStage::Canceled, JobStage::Deleted];
    match find(&|job| !failed.contains(&job.status.stage)) {
        Some(other) => Verdict::Another(&other.id),
        None if known.is_empty() => Verdict::None,
        None => Verdict::Failed,
    }
}

/// The files that changed since the commit that was judged last; all of them if there is nothing to compare with.
fn changed(
    hub: &Client,
    repo: &Repo,
    update: &RefUpdate,
    judged: Option<&str>,
    commit: &str,
) -> Result<Vec<String>> {
    for base in [judged, update.old_commit()].into_iter().flatten() {
        match hub.compare(repo, base, commit) {
            Ok(changes) => return Ok(changes.into_iter().flat_map(paths).collect()),
            // A branch that was rewritten may have lost the commit, and of the answer only its being raw is documented.
            Err(error) if is_no_comparison(error.kind()) => log::warn!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    let tree = hub.tree(repo, commit, "")?;
    let files = tree.entries.into_iter();
    let files = files.filter(|entry| entry.kind == EntryKind::File);
    Ok(files.map(|file| file.path).collect())
}

/// A file that went elsewhere changed both places.
fn paths(change: Change) -> impl Iterator<Item = String> {
    [Some(change.path), change.from].into_iter().flatten()
}

fn is_no_comparison(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Unreadable
    )
}

/// The Job that the operator wants.
struct Plan {
    namespace: String,
    image: String,
    command: Vec<String>,
    base_model: Option<String>,
    flavor: Option<String>,
    timeout_seconds: Option<u64>,
    data: Patterns,
}

impl Plan {
    fn read() -> Result<Plan> {
        let timeout_seconds = config::get("timeout-seconds")?;
        let seconds = |text: String| {
            text.trim()
                .parse()
                .map_err(|_| malformed("timeout-seconds", "a number"))
        };
        Ok(Plan {
            namespace: config::require("namespace")?,
            image: config::require("image")?,
            command: command(&config::require("command")?)?,
            base_model: config::get("base-model")?,
            flavor: config::get("flavor")?,
            timeout_seconds: timeout_seconds.map(seconds).transpose()?,
            data: Patterns::parse(&config::get("files")?.unwrap_or_default()),
        })
    }

    fn start(&self, hub: &Client, event: &Event, repo: &Repo, commit: &str) -> Result {
        let job = match space(&self.image) {
            Some(space) => Job::space(space, self.command.clone()),
            None => Job::image(&self.image, self.command.clone()),
        };
        let mut job = job
            .variable("DATASET", repo.name())
            .variable("DATASET_REVISION", commit)
            .variable("HOOKBOX_RUN", event.run_id())
            .label(RUN, event.run_id())
            .label(COMMIT, commit)
            .label(DATASET, id(event));
        if let Some(model) = &self.base_model {
            job = job.variable("BASE_MODEL", model);
        }
        if let Some(flavor) = &self.flavor {
            job = job.flavor(flavor);
        }
        if let Some(seconds) = self.timeout_seconds {
            job = job.timeout_seconds(seconds);
        }
        let started = hub.run_job(&self.namespace, &job)?;
        done(format!("started Job {} for {repo} at {commit}", started.id))
    }
}

/// The Space whose image it is. (hub client, `_create_job_spec`)
fn space(image: &str) -> Option<&str> {
    let place = image.strip_prefix("https://").unwrap_or(image);
    let hosts = ["hf.co/spaces/", "huggingface.co/spaces/"];
    hosts.iter().find_map(|host| place.strip_prefix(host))
}

/// The words of a command: a JSON list of texts, or what stands between spaces.
fn command(text: &str) -> Result<Vec<String>, config::Error> {
    let words = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if words.is_empty() {
        return Err(malformed(
            "command",
            "a command or a JSON list of its words",
        ));
    }
    Ok(words)
}

fn malformed(key: &str, expected: &str) -> config::Error {
    config::Error::Malformed {
        key: key.to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests;
