//! The `hookbox` binary as the trials kill it: the same, save that it dies where `FAILPOINT` says.

fn main() -> std::process::ExitCode {
    hookbox::failpoint::arm();
    hookbox::cli::main()
}
