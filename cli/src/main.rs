//! The `ringwork` command; all of it is in `ringwork_cli`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ringwork_cli::main()
}
