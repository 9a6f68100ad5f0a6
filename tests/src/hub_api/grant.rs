//! A plugin's own grant, with this Hub in it beside the real one.

use super::FakeHubApi;
use crate::built::workspace;

/// The hosts that it stands for.
const HOSTS: [&str; 2] = ["\"huggingface.co\"", "\"router.huggingface.co\""];

impl FakeHubApi {
    /// The grant file that lies beside the sources of `plugins/NAME`, as it is there, and further: each entry for the
    /// Hub or the router stands there once more for this one, and the settings lead to it.
    #[track_caller]
    #[must_use]
    pub fn grant_of(&self, plugin: &str) -> String {
        let path = workspace().join(format!("plugins/{plugin}/{plugin}.toml"));
        let text = std::fs::read_to_string(&path);
        self.granted(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The same for any grant.
    #[must_use]
    pub fn granted(&self, grant: &str) -> String {
        let settings = format!(
            "[config]\nhub-endpoint = \"{0}\"\nrouter-endpoint = \"{0}\"\n",
            self.url()
        );
        let mut granted = if grant.contains("[config]\n") {
            grant.replacen("[config]\n", &settings, 1)
        } else {
            format!("{grant}\n{settings}")
        };
        let own = format!("\"{}\"\nprivate = true", self.host());
        for entry in entries(grant) {
            for host in HOSTS
                .iter()
                .filter(|host| entry.contains(&format!("host = {host}")))
            {
                granted.push_str(&format!("\n{}", entry.replacen(host, &own, 1)));
            }
        }
        granted
    }
}

/// The `[[http]]` tables of a grant, each to the next one of any name.
fn entries(grant: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_entry = false;
    for line in grant.lines() {
        if line.starts_with('[') {
            is_entry = line.starts_with("[[http]]");
            found.extend(is_entry.then(String::new));
        }
        if let (true, Some(entry)) = (is_entry, found.last_mut()) {
            entry.push_str(line);
            entry.push('\n');
        }
    }
    found
}
