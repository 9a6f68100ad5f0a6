//! Completions for zsh and fish, asked of these shells.

use hookbox_tests::Cli;
use std::process::{Command, Stdio};

#[track_caller]
fn shell(shell: &str, args: &[&str], asked: &str) -> String {
    let said = Command::new(shell)
        .args(args)
        .args(["-c", asked])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{shell}: {error}; install it as .ci/run does"));
    assert!(said.status.success(), "{said:?}");
    assert!(said.stderr.is_empty(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn fish_completes_commands_and_flags() {
    let script = Cli::new(&["completions", "fish"]).run().ok().stdout;
    let home = tempfile::tempdir().unwrap();
    let home = home.path().display();
    let completed = |line: &str| {
        let asked =
            format!("set -x HOME {home}; {script}\ncomplete --do-complete '{line}' | cut -f 1");
        shell("fish", &["--no-config"], &asked)
    };
    assert_eq!(completed("hookbox ser").trim(), "serve");
    assert_eq!(completed("hookbox serve --lis").trim(), "--listen");
    assert_eq!(completed("hookbox deliveries rep").trim(), "replay");
}

#[test]
fn zsh_loads_the_completions_for_hookbox() {
    let script = Cli::new(&["completions", "zsh"]).run().ok().stdout;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("_hookbox"), script).unwrap();
    let path = folder.path().display();
    let asked = format!(
        "fpath=({path} $fpath); autoload -Uz compinit; compinit -u -D; autoload +X -Uz _hookbox; \
         print $_comps[hookbox]; functions _hookbox | grep -o 'serve:Receive'"
    );
    let said = shell("zsh", &["-f"], &asked);
    assert!(said.starts_with("_hookbox\nserve:Receive\n"), "{said}");
}
