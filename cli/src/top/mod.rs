//! `ringwork top`: a pool as it works, on a terminal, anew each second.
//!
//! [`screen`] draws what [`State`] holds; this file reads the pool and the keys.

mod screen;

use super::exit::{Failure, NO_POOL};
use super::units::Span;
use super::view::{self, PoolView, Slots};
use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ringwork_ring::{PoolDir, Segment};
use ringwork_supervisor::looks::{History, Look};
use screen::{Sort, State, Tab};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

const AFTER_HELP: &str = "\
Keys: h handlers, t times, l lanes, c clients, e errors; s sorts by the next column, r turns the order; up and down \
scroll; space holds the page; q, Esc or Ctrl-C ends it.

WAIT (from submit to claim) and RUN are of the sampled tasks of the last interval, the median and the 99th \
percentile. Colours are left out if NO_COLOR is set.

Exit codes: 0 it was ended; 2 there is no terminal; 3 there is no such pool, or it is over.";

/// Watch a pool on a terminal: rates, queues, latencies, what each lane runs.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Top {
    /// Name of the pool.
    #[arg(default_value = "default")]
    name: String,

    /// How often it looks.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    every: Span,
}

/// Two looks at a pool, and what is between them.
struct Reader {
    segment: Segment,
    look: Look,
    history: History,
}

impl Reader {
    fn view(&mut self) -> Result<PoolView, Failure> {
        let look = Look::now(&self.segment);
        let view = view::pool_since(
            &self.segment,
            &look,
            Some(&self.look),
            self.history.past(&self.segment),
            Slots::Each,
        )?;
        self.look = look;
        Ok(view)
    }
}

/// Runs the subcommand.
pub(super) fn run(top: &Top) -> Result<(), Failure> {
    let segment = Segment::attach(&PoolDir::new(&top.name)?)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "top needs a terminal: `ringwork stat --watch` prints pages anywhere",
        ));
    }
    let look = Look::now(&segment);
    let mut reader = Reader {
        segment,
        look,
        history: History::default(),
    };
    let every = top.every.0.max(Duration::from_millis(100));
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut state = State::new(reader.view()?, colours);
    let mut terminal = ratatui::try_init()?;
    // It is put back also by a panic.
    let ended = watch(&mut terminal, &mut reader, &mut state, every);
    ratatui::restore();
    ended
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    reader: &mut Reader,
    state: &mut State,
    every: Duration,
) -> Result<(), Failure> {
    // The first figures come soon: they are of a short time.
    let mut next = Instant::now() + every.min(Duration::from_millis(300));
    loop {
        terminal.draw(|frame| screen::draw(frame, state))?;
        while Instant::now() < next {
            if !event::poll(next.saturating_duration_since(Instant::now()))? {
                break;
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    let interrupt = key.code == KeyCode::Char('c')
                        && key.modifiers.contains(KeyModifiers::CONTROL);
                    if interrupt || !press(state, key.code) {
                        return Ok(());
                    }
                    break;
                }
                Event::Resize(..) => break,
                _ => {}
            }
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + every;
        let view = reader.view()?;
        if view::is_over(view.state) {
            let text = format!("the pool {} is over: {}", view.name, view.reason);
            return Err(Failure::new(NO_POOL, text));
        }
        if !state.held {
            state.view = view;
        }
    }
}

/// Takes a key; false for those that end it.
fn press(state: &mut State, key: KeyCode) -> bool {
    match key {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('h') => state.show(Tab::Handlers),
        KeyCode::Char('t') => state.show(Tab::Times),
        KeyCode::Char('l') => state.show(Tab::Lanes),
        KeyCode::Char('c') => state.show(Tab::Clients),
        KeyCode::Char('e') => state.show(Tab::Errors),
        KeyCode::Tab | KeyCode::Right => state.show(state.tab.next()),
        KeyCode::Char('s') => {
            state.sort = Sort {
                column: state.sort.column + 1,
                ..state.sort
            }
        }
        KeyCode::Char('r') => state.sort.turned = !state.sort.turned,
        KeyCode::Char(' ') => state.held = !state.held,
        KeyCode::Down => state.first += 1,
        KeyCode::Up => state.first = state.first.saturating_sub(1),
        KeyCode::PageDown => state.first += 10,
        KeyCode::PageUp => state.first = state.first.saturating_sub(10),
        KeyCode::Home => state.first = 0,
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::served;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ringwork_ring::client::{Client, TaskOptions};
    use ringwork_ring::segment::tables;
    use ringwork_ring::{Codec, PoolConfig};

    fn drawn(state: &State, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen::draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let cells = buffer.content.chunks(usize::from(width));
        let line =
            |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect();
        cells.map(line).collect()
    }

    #[test]
    fn tasks_lanes_clients_and_errors_are_shown_within_80_columns() {
        let mut served = served();
        let (segment, lane) = (&served.segment, &mut served.lane);
        tables::log_error(segment, "worker 0 was killed");
        let client = Client::connect(&served.dir).unwrap();
        let look = Look::now(segment);
        let mut reader = Reader {
            segment: Segment::attach(&served.dir).unwrap(),
            look,
            history: History::default(),
        };
        let options = TaskOptions::default();
        let tickets = [(); 3].map(|()| client.submit("echo", b"", &options).unwrap());
        lane.try_next().unwrap().complete(b"", Codec::Bytes);
        let running = lane.try_next().unwrap();
        let mut state = State::new(reader.view().unwrap(), false);

        let page = drawn(&state, 80, 24);
        assert!(page[0].starts_with("p: serving, up "), "{page:#?}");
        assert!(page[2].starts_with("1 queued (0/1/0 by priority), 1 running, 1 clients"));
        assert!(page[23].contains("q quit"), "{page:#?}");
        press(&mut state, KeyCode::Char('t'));
        let page = drawn(&state, 80, 24);
        assert!(
            page[4].contains("RUNMAX") && page[5].contains(" all "),
            "{page:#?}"
        );
        press(&mut state, KeyCode::Char('l'));
        let page = drawn(&state, 80, 24);
        assert!(
            page[4].contains("NOW") && page[5].starts_with("   0 "),
            "{page:#?}"
        );
        press(&mut state, KeyCode::Char('c'));
        assert!(drawn(&state, 80, 24)[5].contains("active"));
        press(&mut state, KeyCode::Char('e'));
        assert!(drawn(&state, 80, 24)[5].contains("worker 0 was killed"));
        running.complete(b"", Codec::Bytes);
        assert!(!press(&mut state, KeyCode::Char('q')));
        // A terminal of any size is drawn on.
        for (width, height) in [(1, 1), (20, 3), (200, 60)] {
            drawn(&state, width, height);
        }
        drop(tickets);
    }

    #[test]
    fn rows_are_sorted_and_scrolled() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, _locks) = Segment::create(&dir, &PoolConfig::default()).unwrap();
        for what in ["first", "second", "second", "third"] {
            tables::log_error(&segment, what);
        }
        let mut state = State::new(view::pool(&segment).unwrap(), true);
        press(&mut state, KeyCode::Char('e'));
        let shown = |state: &State| {
            let page = drawn(state, 80, 9);
            let rows = page.iter().skip(6).take(2);
            rows.map(|row| row.split_whitespace().last().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&state), ["second", "third"], "by times");
        for _ in 0..3 {
            press(&mut state, KeyCode::Char('s'));
        }
        assert_eq!(shown(&state), ["first", "second"], "by text");
        press(&mut state, KeyCode::Char('r'));
        assert_eq!(shown(&state), ["third", "second"]);
        press(&mut state, KeyCode::PageDown);
        assert_eq!(
            shown(&state),
            ["second", "first"],
            "no further than the end"
        );
        press(&mut state, KeyCode::Char('h'));
        assert_eq!(state.first, 0);
    }
}
