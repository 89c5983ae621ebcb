//! The `ringwork` command; all of it is in `ringwork_worker::cli`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ringwork_worker::cli::main()
}
