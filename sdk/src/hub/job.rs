//! Running Jobs on the Hub's machines.

use serde_json::{Map, Value, json};

use super::thread::Author;
use super::{Client, Error, path};
use crate::http::encoded;
use crate::json::Slot;
use crate::payload::lenient::{object, words};

/// Pages of Jobs that one listing asks for at most.
const PAGES_MAX: u32 = 10;

/// A Job that is to run: a container image, or a Space, with a command.
///
/// ```
/// use hookbox_sdk::hub::{Client, Job};
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f", "status": {"stage": "SCHEDULING"}}));
///
/// let job = Job::image("python:3.12", ["python", "-c", "print('hello')"])
///     .variable("DATASET", "my-org/reviews").flavor("t4-small").timeout_seconds(3600).label("plugin", "auto-retrain");
/// assert_eq!(Client::new()?.run_job("my-org", &job)?.status.stage.as_str(), "SCHEDULING");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    source: (&'static str, String),
    command: Vec<String>,
    variables: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    flavor: String,
    timeout_seconds: Option<u64>,
}

impl Job {
    /// A command in a container image, by the image's name.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// Client::new()?.run_job("my-org", &Job::image("python:3.12", ["python", "train.py"]))?;
    /// assert_eq!(fake.bodies()[0]["dockerImage"], "python:3.12");
    /// assert_eq!(fake.bodies()[0]["command"], json!(["python", "train.py"]));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn image<A: Into<String>>(
        image: impl Into<String>,
        command: impl IntoIterator<Item = A>,
    ) -> Job {
        Job::new(("dockerImage", image.into()), command)
    }

    /// A command in the image of a Space, by the Space's name.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// Client::new()?.run_job("my-org", &Job::space("my-org/trainer", ["python", "train.py"]))?;
    /// assert_eq!(fake.bodies()[0]["spaceId"], "my-org/trainer");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn space<A: Into<String>>(
        space: impl Into<String>,
        command: impl IntoIterator<Item = A>,
    ) -> Job {
        Job::new(("spaceId", space.into()), command)
    }

    fn new<A: Into<String>>(
        source: (&'static str, String),
        command: impl IntoIterator<Item = A>,
    ) -> Job {
        Job {
            source,
            command: command.into_iter().map(Into::into).collect(),
            variables: vec![],
            labels: vec![],
            flavor: "cpu-basic".to_owned(),
            timeout_seconds: None,
        }
    }

    /// A variable of its environment. Whoever may see the Job can read it; a plugin has no secrets to give.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// let job = Job::image("python:3.12", ["python", "train.py"]).variable("DATASET", "my-org/reviews");
    /// Client::new()?.run_job("my-org", &job)?;
    /// assert_eq!(fake.bodies()[0]["environment"], json!({"DATASET": "my-org/reviews"}));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn variable(mut self, key: impl Into<String>, value: impl Into<String>) -> Job {
        self.variables.push((key.into(), value.into()));
        self
    }

    /// A label, to find it by. `hookbox-run` is for the run's id: see [`Client::jobs`].
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// let event = Event::sample("repo-content")?;
    /// let job = Job::image("python:3.12", ["python", "train.py"]).label("hookbox-run", event.run_id());
    /// Client::new()?.run_job("my-org", &job)?;
    /// assert_eq!(fake.bodies()[0]["labels"], json!({"hookbox-run": event.run_id()}));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Job {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// On that hardware, by the Hub's word for it: `a10g-small`; `cpu-basic` without it. It costs money.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// let job = Job::image("python:3.12", ["python", "train.py"]).flavor("a10g-small");
    /// Client::new()?.run_job("my-org", &job)?;
    /// assert_eq!(fake.bodies()[0]["flavor"], "a10g-small");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn flavor(mut self, flavor: impl Into<String>) -> Job {
        self.flavor = flavor.into();
        self
    }

    /// Ends after so many seconds at the latest.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f"}));
    ///
    /// let job = Job::image("python:3.12", ["python", "train.py"]).timeout_seconds(3600);
    /// Client::new()?.run_job("my-org", &job)?;
    /// assert_eq!(fake.bodies()[0]["timeoutSeconds"], 3600);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn timeout_seconds(mut self, seconds: u64) -> Job {
        self.timeout_seconds = Some(seconds);
        self
    }

    /// (hub client, `_create_job_spec`)
    fn body(&self) -> Value {
        let map = |pairs: &[(String, String)]| -> Value {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(key, value)| (key.clone(), Value::from(value.as_str())));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        let (kind, source) = &self.source;
        let mut body = json!({
            "command": self.command, "arguments": [], "environment": map(&self.variables), "flavor": self.flavor,
        });
        if let Some(body) = body.as_object_mut() {
            body.insert((*kind).to_owned(), json!(source));
            if let Some(seconds) = self.timeout_seconds {
                body.insert("timeoutSeconds".to_owned(), json!(seconds));
            }
            if !self.labels.is_empty() {
                body.insert("labels".to_owned(), map(&self.labels));
            }
        }
        body
    }
}

words! {
    /// Where a Job stands. (hub client, `JobStage`)
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, JobStage};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let job = |id, stage| json!({"id": id, "status": {"stage": stage}, "labels": {"plugin": "auto-retrain"}});
    /// # fake.answers("GET", "/api/jobs/my-org", &json!([job("687f", "RUNNING"), job("6880", "COMPLETED")]));
    ///
    /// let jobs = Client::new()?.jobs("my-org", ("plugin", "auto-retrain"))?;
    /// let is_busy = jobs.iter().any(|job| matches!(job.status.stage, JobStage::Scheduling | JobStage::Running));
    /// assert!(is_busy);
    /// # Ok::<(), Failure>(())
    /// ```
    pub enum JobStage {
        /// It waits for a machine.
        Scheduling = "SCHEDULING",
        /// It runs.
        Running = "RUNNING",
        /// It has ended well.
        Completed = "COMPLETED",
        /// It was cancelled.
        Canceled = "CANCELED",
        /// It has failed.
        Error = "ERROR",
        /// It was deleted.
        Deleted = "DELETED",
    }
}

object! {
    /// Where a Job stands, and why.
    ///
    /// ```
    /// use hookbox_sdk::hub::Client;
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # let status = json!({"stage": "ERROR", "message": "Job timeout"});
    /// # let job = json!({"id": "687f", "status": status, "labels": {"plugin": "auto-retrain"}});
    /// # fake.answers("GET", "/api/jobs/my-org", &json!([job]));
    ///
    /// let jobs = Client::new()?.jobs("my-org", ("plugin", "auto-retrain"))?;
    /// let status = &jobs[0].status;
    /// assert_eq!((status.stage.as_str(), status.message.as_deref()), ("ERROR", Some("Job timeout")));
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct JobStatus {
        /// Where.
        pub stage: JobStage = "stage",
        /// Why, if there is something to say.
        pub message: Option<String> = "message",
    }
}

object! {
    /// A Job. (hub client, `JobInfo`)
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f", "owner": {"name": "my-org"}}));
    ///
    /// let started = Client::new()?.run_job("my-org", &Job::image("python:3.12", ["python", "train.py"]))?;
    /// let page = format!("https://huggingface.co/jobs/{}/{}", started.owner.name, started.id);
    /// assert_eq!(page, "https://huggingface.co/jobs/my-org/687f");
    /// # Ok::<(), Failure>(())
    /// ```
    pub struct JobInfo {
        /// Its id.
        pub id: String = "id",
        /// When it was made: a time in UTC (RFC 3339).
        pub created_at: String = "createdAt",
        /// Where it stands.
        pub status: JobStatus = "status",
        /// Whose it is.
        pub owner: Author = "owner",
        /// The labels that it was made with.
        pub labels: Labels = "labels",
    }
}

/// The labels of a Job.
///
/// ```
/// use hookbox_sdk::hub::Client;
/// # use hookbox_sdk::{prelude::*, testing::FakeHub};
/// # let fake = FakeHub::start();
/// # let labels = json!({"plugin": "auto-retrain", "commit": "575db8b"});
/// # fake.answers("GET", "/api/jobs/my-org", &json!([{"id": "687f", "labels": labels}]));
///
/// let jobs = Client::new()?.jobs("my-org", ("plugin", "auto-retrain"))?;
/// assert!(jobs.iter().any(|job| job.labels.get("commit") == Some("575db8b"))); // it is trained on already
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// The value of a label.
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job};
    /// # use hookbox_sdk::{prelude::*, testing::FakeHub};
    /// # let fake = FakeHub::start();
    /// # fake.answers("POST", "/api/jobs/my-org", &json!({"id": "687f", "labels": {"plugin": "auto-retrain"}}));
    ///
    /// let job = Job::image("python:3.12", ["python", "train.py"]).label("plugin", "auto-retrain");
    /// let started = Client::new()?.run_job("my-org", &job)?;
    /// assert_eq!(started.labels.get("plugin"), Some("auto-retrain"));
    /// assert_eq!(started.labels.get("commit"), None);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl Slot for Labels {
    fn object(&mut self) -> bool {
        self.0.clear();
        true
    }

    fn field(&mut self, key: &str) -> Option<&mut dyn Slot> {
        self.0.push((key.to_owned(), String::new()));
        self.0.last_mut().map(|(_, value)| value as &mut dyn Slot)
    }
}

impl Client {
    /// Starts a Job of a user or an organisation. A repeated attempt starts another one: label it, and look first with
    /// [`Client::jobs`].
    ///
    /// ```
    /// use hookbox_sdk::hub::{Client, Job, JobInfo};
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// fn train_once(event: &Event) -> Result<JobInfo> {
    ///     let hub = Client::new()?;
    ///     let label = ("hookbox-run", event.run_id());
    ///     if let Some(started) = hub.jobs("my-org", label)?.into_iter().next() {
    ///         return Ok(started);
    ///     }
    ///     Ok(hub.run_job("my-org", &Job::image("python:3.12", ["python", "train.py"]).label(label.0, label.1))?)
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// let hub = FakeHub::start();
    /// hub.answers("GET", "/api/jobs/my-org", &json!([]));
    /// hub.answers("POST", "/api/jobs/my-org", &json!({"id": "687f", "status": {"stage": "SCHEDULING"}}));
    /// assert_eq!(train_once(&Event::sample("repo-content")?)?.id, "687f");
    /// # Ok(()) }
    /// ```
    ///
    /// `POST /api/jobs/{namespace}` (hub client, `run_job`)
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn run_job(&self, namespace: &str, job: &Job) -> Result<JobInfo, Error> {
        let answer = self.post(&place(namespace)?, &job.body())?;
        let started: JobInfo = answer.read()?;
        if started.id.is_empty() {
            return Err(answer.unreadable("it names no Job"));
        }
        Ok(started)
    }

    /// The Jobs of a user or an organisation with a label of that value. The Hub is asked for these alone, and what it
    /// answers is looked through again.
    ///
    /// ```
    /// use hookbox_sdk::hub::Client;
    /// use hookbox_sdk::{prelude::*, testing::FakeHub};
    ///
    /// let fake = FakeHub::start();
    /// fake.answers("GET", "/api/jobs/my-org", &json!([{"id": "687f", "labels": {"hookbox-run": "0197-4a"}}]));
    ///
    /// let started = Client::new()?.jobs("my-org", ("hookbox-run", "0197-4a"))?;
    /// assert_eq!(started[0].id, "687f");
    /// assert_eq!(fake.asked(), ["GET /api/jobs/my-org?label=hookbox-run%3D0197-4a"]);
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// `GET /api/jobs/{namespace}?label=…` (hub client, `list_jobs`). One request for each page. No more than ten pages
    /// are asked for: what stands on later ones is not found.
    ///
    /// # Errors
    /// See [`ErrorKind`](super::ErrorKind).
    pub fn jobs(&self, namespace: &str, label: (&str, &str)) -> Result<Vec<JobInfo>, Error> {
        let (key, value) = label;
        let query = encoded(&format!("{key}={value}"));
        let mut url = format!("{}{}?label={query}", self.endpoint(), place(namespace)?);
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.get_url(url.clone())?;
            let page: Vec<JobInfo> = answer.read()?;
            let fits = |job: &JobInfo| job.labels.get(key) == Some(value);
            found.extend(page.into_iter().filter(fits));
            match answer.next_page(&url)? {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(found)
    }
}

/// The Jobs' place in the API.
fn place(namespace: &str) -> Result<String, Error> {
    if !path::is_name(namespace) {
        return Err(Error::argument(format!(
            "{namespace:?} is no name of a user or an organisation"
        )));
    }
    Ok(format!("/api/jobs/{namespace}"))
}
