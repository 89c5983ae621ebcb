//! The command line, read: with all that is wrong with its values, where `clap` ends at the first.

use clap::Parser;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// A command line that is no use, or only asks for help.
#[derive(Debug)]
pub(super) struct WrongLine {
    first: clap::Error,
    /// What else is wrong.
    others: Vec<String>,
}

/// Reads a command line, the program's name first. `beside` says what else is wrong with one from
/// which the options of these names, without `--`, were taken since their values can't be read.
pub(super) fn parse<T: Parser>(
    mut line: Vec<OsString>,
    beside: impl Fn(&T, Vec<String>) -> Vec<String>,
) -> Result<T, WrongLine> {
    let (mut first, mut others, mut names) = (None, Vec::new(), Vec::new());
    loop {
        let error = match T::try_parse_from(&line) {
            Err(error) => with_hint::<T>(&line, error),
            Ok(read) => {
                let Some(first) = first else {
                    return Ok(read);
                };
                others.extend(beside(&read, names));
                return Err(WrongLine { first, others });
            }
        };
        let Some((left, name)) = without(&line, &error) else {
            // If it is not the first one, it may follow from what was taken away.
            let first = first.unwrap_or(error);
            return Err(WrongLine { first, others });
        };
        match first {
            None => first = Some(error),
            Some(_) => others.push(brief(&error)),
        }
        line = left;
        names.push(name);
    }
}

/// The error, with a hint where an argument is none since its option takes a value by `=` only.
fn with_hint<T: Parser>(line: &[OsString], mut error: clap::Error) -> clap::Error {
    let unknown = |error: &clap::Error| error.kind() == ErrorKind::UnknownArgument;
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let parts: Vec<_> = line.iter().map(|part| part.to_string_lossy()).collect();
    let at = parts.windows(2).position(|two| {
        two[0].starts_with("--") && !two[0].contains('=') && two[1] == value.as_str()
    });
    let Some(at) = at.filter(|_| unknown(&error)) else {
        return error;
    };
    let joined = format!("{}={}", parts[at], parts[at + 1]);
    let mut whole = line.to_vec();
    whole.splice(at..at + 2, [OsString::from(&joined)]);
    if T::try_parse_from(&whole)
        .err()
        .is_none_or(|error| !unknown(&error))
    {
        let hint = StyledStr::from(format!("its value follows '=': {joined}"));
        let hint = ContextValue::StyledStrs(vec![hint]);
        error.insert(ContextKind::Suggested, hint);
    }
    error
}

/// The line without the option whose value can't be read, and the option's name; `None` when it is
/// another error.
fn without(line: &[OsString], error: &clap::Error) -> Option<(Vec<OsString>, String)> {
    if !matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
    ) {
        return None;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let option = text(ContextKind::InvalidArg)?
        .split([' ', '=', '['])
        .next()?;
    let name = option.strip_prefix("--")?;
    let value = text(ContextKind::InvalidValue)?;
    let joined = format!("{option}={value}");
    let at = |index: usize| line.get(index).map(|part| part.to_string_lossy());
    let (from, count) = (0..line.len()).find_map(|index| match at(index)? {
        part if part == joined => Some((index, 1)),
        part if part == option && at(index + 1)? == value => Some((index, 2)),
        _ => None,
    })?;
    let mut left = line.to_vec();
    left.drain(from..from + count);
    Some((left, name.to_owned()))
}

/// What is wrong, without the hint at the help.
fn brief(error: &clap::Error) -> String {
    let text = error.to_string();
    let end = text.find("\n\nFor more").unwrap_or(text.len());
    text[..end].trim_start_matches("error: ").to_owned()
}

impl WrongLine {
    /// Says all of it; the exit code is `clap`'s.
    pub(super) fn report(self) -> ExitCode {
        let code = ExitCode::from(u8::try_from(self.first.exit_code()).unwrap_or(u8::MAX));
        // There is nothing to write to if that fails, too.
        let _ = match self.others.is_empty() {
            true => self.first.print(),
            false => write!(io::stderr(), "{}", self.text()),
        };
        code
    }

    fn text(&self) -> String {
        let all = std::iter::once(brief(&self.first)).chain(self.others.iter().cloned());
        let lines: String = all.map(|text| format!("error: {text}\n")).collect();
        format!("{lines}\nFor more information, try '--help'.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[arg(long)]
        workers: Option<u32>,
        #[arg(long)]
        slots: Option<u32>,
        #[arg(long)]
        lanes: Option<u32>,
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "on")]
        sandbox: Option<String>,
    }

    fn read(line: &[&str]) -> Result<Line, WrongLine> {
        let line = std::iter::once(&"serve").chain(line).map(OsString::from);
        parse(line.collect(), |read: &Line, names| {
            vec![format!("lanes are {:?} beside {names:?}", read.lanes)]
        })
    }

    #[test]
    fn each_value_that_can_not_be_read_is_told_and_what_is_beside_them() {
        let wrong = read(&["--workers", "x", "--lanes", "0", "--slots=y", "--workers=z"]);
        let told = wrong.unwrap_err().text();
        for part in [
            "'x' for '--workers",
            "'y' for '--slots",
            "'z' for '--workers",
            "lanes are Some(0) beside [\"workers\", \"slots\", \"workers\"]",
            "try '--help'",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn a_line_that_is_right_or_wrong_otherwise_is_as_clap_reads_it() {
        assert_eq!(read(&["--workers", "2"]).unwrap().workers, Some(2));
        let wrong = read(&["--elephants", "3"]).unwrap_err();
        assert!(wrong.others.is_empty() && !wrong.first.to_string().contains("follows"));
        let apart = read(&["--sandbox", "on"]).unwrap_err().first.to_string();
        assert!(apart.contains("follows '=': --sandbox=on"), "{apart}");
        assert_eq!(
            read(&["--sandbox=on"]).unwrap().sandbox.as_deref(),
            Some("on")
        );
        assert_eq!(wrong.first.kind(), ErrorKind::UnknownArgument);
        assert_eq!(read(&["--help"]).unwrap_err().first.exit_code(), 0);
    }
}
