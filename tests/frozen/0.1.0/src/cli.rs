//! Clocks, random numbers, arguments and terminals.

use crate::wasi::cli::{
    environment, exit, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout,
};
use crate::wasi::clocks::{monotonic_clock, wall_clock};
use crate::wasi::random::{insecure, insecure_seed, random};

pub fn call(action: &str) {
    let _ = environment::get_environment();
    let _ = environment::get_arguments();
    let _ = environment::initial_cwd();
    let _: Option<terminal_input::TerminalInput> = terminal_stdin::get_terminal_stdin();
    let _: Option<terminal_output::TerminalOutput> = terminal_stdout::get_terminal_stdout();
    let _ = terminal_stderr::get_terminal_stderr();
    let _ = monotonic_clock::resolution();
    let soon = monotonic_clock::now();
    monotonic_clock::subscribe_instant(soon).block();
    monotonic_clock::subscribe_duration(1).block();
    let _ = (
        wall_clock::now().seconds,
        wall_clock::resolution().nanoseconds,
    );
    let _ = (random::get_random_bytes(8), random::get_random_u64());
    let _ = insecure::get_insecure_random_bytes(8);
    let _ = insecure::get_insecure_random_u64();
    let _ = insecure_seed::insecure_seed();
    match action {
        "exit" => exit::exit(Err(())),
        "exit-with-code" => exit::exit_with_code(3),
        _ => {}
    }
}
