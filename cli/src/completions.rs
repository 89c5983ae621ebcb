//! `ringwork completions` and `ringwork man`: what a shell and `man` know of this command.

use super::exit::Failure;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man as Page;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

const COMPLETIONS_HELP: &str = "\
Examples:
  ringwork completions bash > ~/.local/share/bash-completion/completions/ringwork
  ringwork completions fish > ~/.config/fish/completions/ringwork.fish
  ringwork completions zsh > \"${fpath[1]}/_ringwork\"";

/// Print what a shell needs to complete this command's words.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Runs `completions`.
pub(super) fn print(completions: &Completions, mut command: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(completions.shell, &mut command, "ringwork", &mut text);
    io::stdout().lock().write_all(&text)?;
    Ok(())
}

const MAN_HELP: &str = "\
Examples:
  ringwork man | man -l -
  ringwork man --out ~/.local/share/man/man1 && man ringwork-serve";

/// Print the manual page, or write those of all subcommands.
#[derive(Debug, Args)]
#[command(after_help = MAN_HELP)]
pub(super) struct Man {
    /// Write a page for each subcommand into this directory, which is made if it is missing.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

/// Runs `man`.
pub(super) fn man(man: &Man, command: Command) -> Result<(), Failure> {
    let Some(directory) = &man.out else {
        let mut text = Vec::new();
        Page::new(command).render(&mut text)?;
        io::stdout().lock().write_all(&text)?;
        return Ok(());
    };
    let write = || {
        fs::create_dir_all(directory)?;
        clap_mangen::generate_to(command, directory)
    };
    write().map_err(|error| {
        Failure::usage(format!(
            "cannot write the pages to {}: {error}",
            directory.display()
        ))
    })
}
