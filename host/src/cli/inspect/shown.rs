//! A component file as people read it: a row for each thing, imports of a package together.

use crate::activity::{ComponentJson, SidecarJson};
use crate::cli::output;
use crate::plugin::Want;
use crate::plugin::imports::Ability;

/// Prints it.
pub fn show(told: &ComponentJson) {
    print("name", &told.name);
    print_if("version", told.version.as_deref());
    print_if("description", told.description.as_deref());
    let interface = told.interface.as_ref();
    print_if(
        "interface",
        interface.map(|version| format!("hookbox:plugin@{version}")),
    );
    print("size", &format!("{} bytes", told.size_bytes));
    print("digest", &told.digest);
    let toolchain = (!told.toolchain.is_empty()).then(|| told.toolchain.join(", "));
    print_if("toolchain", toolchain);
    for subscription in told.subscriptions.iter().flatten() {
        let actions = match &*subscription.actions {
            [] => "every action".to_owned(),
            actions => actions.join(", "),
        };
        print(
            "subscribes to",
            &format!("{} ({actions})", subscription.scope),
        );
    }
    show_wants(told);
    show_imports(told);
}

fn print(title: &str, text: &str) {
    output::line(format!("{title:<14}{}", output::one_line(text)).trim_end());
}

fn print_if(title: &str, text: Option<impl AsRef<str>>) {
    if let Some(text) = text {
        print(title, text.as_ref());
    }
}

fn show_wants(told: &ComponentJson) {
    let wants = told.wants.as_deref().unwrap_or_default();
    // What lacks under no grant at all is no news.
    let beside = told.grant.as_ref();
    let beside = beside.filter(|grant| grant.file.is_some() && grant.error.is_none());
    for (place, want) in wants.iter().enumerate() {
        let required = if want.required {
            "required"
        } else {
            "optional"
        };
        let Want {
            kind, name, reason, ..
        } = want;
        let why = match &**reason {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        print("wants", &format!("{kind} {name} ({required}){why}"));
        if !want.detail.is_empty() {
            print("", &want.detail);
        }
        if let Some(grant) = beside {
            let mut lacks = grant.lacks.iter();
            let lack = lacks.find(|lack| lack.want == place);
            let missing = lack.map(|lack| lack.missing.as_deref());
            match missing {
                None => print("", "granted"),
                Some(None) => print("", "not granted"),
                Some(Some(part)) => print("", &format!("granted without {part}")),
            }
        }
    }
    if let Some(grant) = &told.grant {
        print_if("grant", grant_in_words(grant, wants));
    }
}

fn grant_in_words(grant: &SidecarJson, wants: &[Want]) -> Option<String> {
    if let Some(error) = &grant.error {
        return Some(match &grant.held {
            Some(held) => format!("{error}; {held}"),
            None => error.clone(),
        });
    }
    let file = match &grant.file {
        Some(file) => file.clone(),
        None if wants.is_empty() => return None,
        None => "none beside it".to_owned(),
    };
    Some(match &grant.held {
        Some(reason) => format!("{file}; a host would hold it: {reason}"),
        None if !grant.lacks.is_empty() => {
            format!("{file}; a host would run it without what is not granted")
        }
        None => format!("{file}; a host would run it"),
    })
}

fn show_imports(told: &ComponentJson) {
    let access = &told.access;
    let of = [
        (Ability::Http, &access.http),
        (Ability::State, &access.state),
        (Ability::Config, &access.config),
    ];
    let is_judged = !told.refused.is_empty()
        || [&access.always, &access.nothing, &access.types]
            .into_iter()
            .chain(of.map(|(_, names)| names))
            .any(|names| !names.is_empty());
    let plain = if is_judged {
        &access.always
    } else {
        &told.imports
    };
    rows("imports", by_package(plain).into_iter());
    let granted = of.iter().flat_map(|(ability, names)| {
        let rows = by_package(names).into_iter();
        rows.map(|row| format!("{row} ({})", ability.table()))
    });
    rows("as granted", granted);
    rows("gives nothing", by_package(&access.nothing).into_iter());
    rows("only types", by_package(&access.types).into_iter());
    let refused = told.refused.iter();
    rows(
        "not linkable",
        refused.map(|refused| format!("{}: {}", refused.import, refused.reason)),
    );
}

/// Rows of which only the first has the title.
fn rows(title: &str, rows: impl Iterator<Item = String>) {
    let titles = std::iter::once(title).chain(std::iter::repeat(""));
    for (title, row) in titles.zip(rows) {
        print(title, &row);
    }
}

/// Interfaces of one package and version in one text: `wasi:io/{error,poll,streams}@0.2.12`.
fn by_package(names: &[String]) -> Vec<String> {
    let mut packages: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for name in names {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        let mut found = packages.iter_mut();
        match found.find(|found| (found.0, found.1) == (package, version)) {
            Some(found) => found.2.push(interface),
            None => packages.push((package, version, vec![interface])),
        }
    }
    let texts = packages.into_iter().map(|(package, version, mut names)| {
        names.sort_unstable();
        let interfaces = match &*names {
            [""] => String::new(),
            [one] => format!("/{one}"),
            _ => format!("/{{{}}}", names.join(",")),
        };
        let at = if version.is_empty() { "" } else { "@" };
        format!("{package}{interfaces}{at}{version}")
    });
    texts.collect()
}
