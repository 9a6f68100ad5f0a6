//! `hookbox completions`: bash is asked itself; zsh and fish are in the trials, because not every machine has them.

use hookbox_tests::Cli;
use std::process::Command;

#[test]
fn bash_completes_commands_and_flags() {
    let script = Cli::new(&["completions", "bash"]).run().ok().stdout;
    let completed = |words: &str, word: &str| {
        let asked = format!(
            "{script}\nCOMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _hookbox hookbox '{word}' ''\necho \"${{COMPREPLY[@]}}\""
        );
        let said = Command::new("bash").args(["-c", &asked]).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    assert!(!script.contains("compile-component"));
    assert_eq!(completed("hookbox ser", "ser"), "serve");
    assert_eq!(completed("hookbox serve --lis", "--lis"), "--listen");
    assert_eq!(completed("hookbox deliveries rep", "rep"), "replay");
}
