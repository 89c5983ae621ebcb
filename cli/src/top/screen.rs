//! What `ringwork top` shows: a head of five lines, then a table that fits 80 columns.

use crate::by_handler::{NowView, TasksView};
use crate::shown;
use crate::units::{Size, nanoseconds, seconds};
use crate::view::PoolView;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};
use ringwork_ring::format::layout::PoolCounter;
use ringwork_ring::format::states::LaneKind;
use std::cmp::Ordering;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Handlers,
    Times,
    Lanes,
    Clients,
    Errors,
}

impl Tab {
    const ALL: [Self; 5] = [
        Self::Handlers,
        Self::Times,
        Self::Lanes,
        Self::Clients,
        Self::Errors,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Handlers => "handlers",
            Self::Times => "times",
            Self::Lanes => "lanes",
            Self::Clients => "clients",
            Self::Errors => "errors",
        }
    }

    pub(super) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// The order of a table's rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sort {
    /// Counted from the first one, and round again.
    pub(super) column: usize,
    pub(super) turned: bool,
}

/// What is shown, and how.
#[derive(Debug)]
pub(super) struct State {
    pub(super) view: PoolView,
    pub(super) tab: Tab,
    pub(super) sort: Sort,
    /// The first row that is shown.
    pub(super) first: usize,
    /// Whether new figures are not shown.
    pub(super) held: bool,
    colours: bool,
}

impl State {
    pub(super) fn new(view: PoolView, colours: bool) -> Self {
        Self {
            view,
            tab: Tab::Handlers,
            sort: Sort::default(),
            first: 0,
            held: false,
            colours,
        }
    }

    pub(super) fn show(&mut self, tab: Tab) {
        if self.tab != tab {
            (self.tab, self.sort, self.first) = (tab, Sort::default(), 0);
        }
    }

    /// A colour, or none.
    fn style(&self, colour: Color) -> Style {
        match self.colours {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }
}

/// A column: its heading, its width, and whether it has numbers.
type Column = (&'static str, u16, bool);

/// A cell: what is shown, and what it is sorted by.
type Entry = (String, Key);

#[derive(Debug, Clone)]
enum Key {
    Number(f64),
    Text(String),
}

impl Key {
    /// Numbers from the largest, names from the first.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => b.total_cmp(a),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

fn text(text: &str) -> Entry {
    (text.to_owned(), Key::Text(text.to_owned()))
}

fn number(number: u64) -> Entry {
    (number.to_string(), Key::Number(number as f64))
}

/// In six characters at most.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        number if number < 99_999.5 => return format!("{number:.0}"),
        number if number < 9_999_500.0 => (number / 1e3, "k"),
        number if number < 9_999_500_000.0 => (number / 1e6, "M"),
        number => (number / 1e9, "G"),
    };
    format!("{number:.0}{unit}")
}

fn count(of: u64) -> Entry {
    (short(of as f64), Key::Number(of as f64))
}

fn rate(of: u64, seconds: f64) -> Entry {
    let rate = of as f64 / seconds.max(1e-9);
    let shown = match of > 0 && rate < 9.95 {
        true => format!("{rate:.1}"),
        false => short(rate),
    };
    (shown, Key::Number(rate))
}

fn time(ns: Option<u64>) -> Entry {
    let shown = ns.map_or_else(|| "-".to_owned(), nanoseconds);
    (shown, Key::Number(ns.map_or(-1.0, |ns| ns as f64)))
}

fn duration(of: f64) -> Entry {
    (seconds(of), Key::Number(of))
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame, state: &State) {
    let head = head(state);
    let lines = head.len() as u16;
    let [top, body, keys] = Layout::vertical([
        Constraint::Length(lines),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(head), top);
    table(frame, body, state);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut words = Vec::new();
    for tab in Tab::ALL {
        let style = match tab == state.tab {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new(),
        };
        words.push(Span::styled(format!(" {} ", tab.name()), style));
    }
    for (key, what) in [
        ("s", "sort"),
        ("r", "turn"),
        ("space", "hold"),
        ("q", "quit"),
    ] {
        words.push(Span::raw("  "));
        words.push(Span::styled(key, bold));
        words.push(Span::raw(format!(" {what}")));
    }
    frame.render_widget(Paragraph::new(Line::from(words)), keys);
}

/// What became of all tasks between the two looks.
fn sums(view: &PoolView) -> (f64, u64, u64, f64) {
    let nows = view
        .tasks_by_handler()
        .filter_map(|(_, tasks)| tasks.now.as_ref());
    nows.fold((0.0, 0, 0, 0.0), |(_, done, failed, busy), now| {
        let counts = &now.counts;
        (
            now.seconds,
            done + counts.completed,
            failed + counts.failed,
            busy + now.busy_percent,
        )
    })
}

fn head(state: &State) -> Vec<Line<'static>> {
    let view = &state.view;
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (condition, colour) = match (view.state, view.ready) {
        (shown::SERVING, true) => ("serving".to_owned(), Color::Green),
        (shown::SERVING, false) => ("NOT READY".to_owned(), Color::Red),
        (other, _) => (other.to_owned(), Color::Yellow),
    };
    let looked = match view.supervisor_looked_s_ago {
        Some(ago) if view.supervisor_alive => format!("supervisor looked {ago:.1} s ago"),
        _ => "supervisor unknown".to_owned(),
    };
    let held = if state.held {
        "  HELD: space goes on"
    } else {
        ""
    };
    let mut lines = vec![Line::from(vec![
        Span::styled(view.name.clone(), bold),
        Span::raw(": "),
        Span::styled(condition, state.style(colour).patch(bold)),
        Span::raw(format!(", up {}, {looked}{held}", seconds(view.uptime_s))),
    ])];
    if !view.reason.is_empty() {
        lines.push(Line::styled(
            view.reason.clone(),
            state.style(Color::Yellow),
        ));
    }
    let (time, done, failed, busy) = sums(view);
    let per_second = |of: u64| rate(of, time).0;
    let mut tasks = vec![
        Span::styled(format!("{} tasks/s done", per_second(done)), bold),
        Span::raw(", "),
    ];
    let failures = format!("{} failed", per_second(failed));
    let style = match failed {
        0 => Style::new(),
        _ => state.style(Color::Red),
    };
    tasks.push(Span::styled(failures, style));
    tasks.push(Span::raw(format!(", lanes {busy:.0} % busy")));
    lines.push(Line::from(tasks));
    let depth: Vec<String> = view
        .queues
        .iter()
        .filter(|queue| queue.lanes == LaneKind::Cpu.name())
        .map(|queue| queue.depth.to_string())
        .collect();
    let io = view.queues.iter();
    let io = io.filter(|queue| queue.lanes == LaneKind::Io.name());
    let io = io.map(|queue| queue.depth).reduce(|a, b| a + b);
    let for_io = io.map_or_else(String::new, |depth| format!(", {depth} for I/O lanes"));
    let (queued, running): (u32, u32) = view
        .clients
        .iter()
        .fold((0, 0), |(queued, running), client| {
            (queued + client.queued, running + client.running)
        });
    lines.push(Line::raw(format!(
        "{queued} queued ({} by priority{for_io}), {running} running, {} clients, {} workers",
        depth.join("/"),
        view.clients.len(),
        view.workers.len()
    )));
    let (rss, cpu): (u64, f64) = view.workers.iter().fold((0, 0.0), |(rss, cpu), worker| {
        (
            rss + worker.rss_bytes.unwrap_or(0),
            cpu + worker.cpu_s.unwrap_or(0.0),
        )
    });
    let counter = |counter: PoolCounter| view.counters.get(counter.name()).copied();
    let counter = |of| counter(of).unwrap_or(0);
    lines.push(Line::raw(format!(
        "workers: {} resident, {} of processors; {} crashed, {} tasks retried",
        Size(rss),
        seconds(cpu),
        counter(PoolCounter::WorkersCrashed),
        counter(PoolCounter::TasksRequeued),
    )));
    lines
}

const HANDLERS: [Column; 9] = [
    ("HANDLER", 21, false),
    ("DONE/S", 6, true),
    ("FAIL/S", 6, true),
    ("BUSY%", 5, true),
    ("WAIT50", 7, true),
    ("WAIT99", 7, true),
    ("RUN50", 7, true),
    ("RUN99", 7, true),
    ("DONE", 6, true),
];

const TIMES: [Column; 9] = [
    ("HANDLER", 19, false),
    ("LAST", 6, false),
    ("ENDED", 6, true),
    ("FAILED", 6, true),
    ("WAIT50", 7, true),
    ("WAIT99", 7, true),
    ("RUN50", 7, true),
    ("RUN99", 7, true),
    ("RUNMAX", 7, true),
];

const LANES: [Column; 8] = [
    ("LANE", 4, true),
    ("WORKER", 6, true),
    ("PID", 7, true),
    ("CPU", 9, true),
    ("RSS", 8, true),
    ("NOW", 21, false),
    ("FOR", 9, true),
    ("STARTED", 7, true),
];

const CLIENTS: [Column; 9] = [
    ("CLIENT", 6, true),
    ("PID", 7, true),
    ("NAME", 16, false),
    ("STATE", 8, false),
    ("QUEUED", 6, true),
    ("RUNNING", 7, true),
    ("DONE", 6, true),
    ("FAILED", 6, true),
    ("REFUSED", 7, true),
];

const ERRORS: [Column; 4] = [
    ("TIMES", 6, true),
    ("FIRST", 14, true),
    ("LAST", 14, true),
    ("WHAT", 0, false),
];

fn handlers(view: &PoolView) -> Vec<Vec<Entry>> {
    let row = |(name, tasks): (&str, &TasksView)| {
        let blank = || ("-".to_owned(), Key::Number(-1.0));
        let mut row = vec![text(name)];
        match &tasks.now {
            Some(NowView {
                seconds,
                busy_percent,
                counts,
            }) => row.extend([
                rate(counts.completed, *seconds),
                rate(counts.failed, *seconds),
                (format!("{busy_percent:.1}"), Key::Number(*busy_percent)),
                time(counts.queue.p50_ns),
                time(counts.queue.p99_ns),
                time(counts.run.p50_ns),
                time(counts.run.p99_ns),
            ]),
            None => row.extend((0..7).map(|_| blank())),
        }
        row.push(count(tasks.in_all.completed));
        row
    };
    view.tasks_by_handler().map(row).collect()
}

/// The times of each handler in the last ten seconds, the last minute and in all.
fn times(view: &PoolView) -> Vec<Vec<Entry>> {
    let mut rows = Vec::new();
    for (name, tasks) in view.tasks_by_handler() {
        if tasks.in_all.completed == 0 && tasks.in_all.failed == 0 {
            continue;
        }
        let windows = [&tasks.last_10_s, &tasks.last_minute];
        let windows = windows.into_iter().flatten();
        let windows = windows.map(|window| {
            (
                format!("{:.0} s", window.seconds),
                window.seconds,
                &window.counts,
            )
        });
        let all = ("all".to_owned(), f64::INFINITY, &tasks.in_all);
        for (last, age, counts) in windows.chain([all]) {
            rows.push(vec![
                text(name),
                (last, Key::Number(-age)),
                count(counts.completed.saturating_add(counts.failed)),
                count(counts.failed),
                time(counts.queue.p50_ns),
                time(counts.queue.p99_ns),
                time(counts.run.p50_ns),
                time(counts.run.p99_ns),
                time(counts.run.max_ns),
            ]);
        }
    }
    rows
}

fn lanes(view: &PoolView) -> Vec<Vec<Entry>> {
    let mut rows = Vec::new();
    for worker in &view.workers {
        for lane in &worker.lanes {
            let task = lane.task.as_ref();
            let now = worker.now(lane);
            let runs = task.and_then(|task| task.runs_s);
            rows.push(vec![
                // From the first one, as they are counted.
                (lane.named(), Key::Number(-f64::from(lane.index))),
                number(worker.index.into()),
                number(worker.pid.into()),
                worker.cpu_s.map_or_else(|| text("-"), duration),
                worker.rss_bytes.map_or_else(
                    || text("-"),
                    |bytes| (Size(bytes).to_string(), Key::Number(bytes as f64)),
                ),
                text(&now),
                runs.map_or_else(|| ("-".to_owned(), Key::Number(-1.0)), duration),
                count(lane.started),
            ]);
        }
    }
    rows
}

fn clients(view: &PoolView) -> Vec<Vec<Entry>> {
    let row = |client: &crate::view::ClientView| {
        vec![
            (
                client.index.to_string(),
                Key::Number(-f64::from(client.index)),
            ),
            number(client.pid.into()),
            text(&client.name),
            text(client.state),
            number(client.queued.into()),
            number(client.running.into()),
            count(client.completed),
            count(client.failed),
            count(client.rejected),
        ]
    };
    view.clients.iter().map(row).collect()
}

fn errors(view: &PoolView) -> Vec<Vec<Entry>> {
    let row = |error: &crate::view::ErrorView| {
        let ago = |of: f64| (format!("{} ago", seconds(of)), Key::Number(-of));
        vec![
            number(error.count),
            ago(error.first_s_ago),
            ago(error.last_s_ago),
            text(&error.text),
        ]
    };
    view.errors.iter().map(row).collect()
}

fn table(frame: &mut Frame, area: Rect, state: &State) {
    let (columns, mut rows): (&[Column], _) = match state.tab {
        Tab::Handlers => (&HANDLERS, handlers(&state.view)),
        Tab::Times => (&TIMES, times(&state.view)),
        Tab::Lanes => (&LANES, lanes(&state.view)),
        Tab::Clients => (&CLIENTS, clients(&state.view)),
        Tab::Errors => (&ERRORS, errors(&state.view)),
    };
    let sorted = state.sort.column % columns.len();
    rows.sort_by(|a, b| {
        let order = a[sorted].1.order(&b[sorted].1);
        if state.sort.turned {
            order.reverse()
        } else {
            order
        }
    });
    let shown = usize::from(area.height.saturating_sub(1));
    let first = state.first.min(rows.len().saturating_sub(shown.max(1)));
    let fill = |(_, width, numeric): Column, cell: &str| match numeric {
        true if width > 0 => format!("{cell:>width$}", width = usize::from(width)),
        _ => cell.to_owned(),
    };
    let mark = if state.sort.turned { "^" } else { "v" };
    let heading = columns.iter().enumerate().map(|(at, column)| {
        let style = Style::new().add_modifier(match at == sorted {
            true => Modifier::BOLD | Modifier::UNDERLINED,
            false => Modifier::BOLD,
        });
        let name = match at == sorted && column.0.len() < usize::from(column.1) {
            true => format!("{}{mark}", column.0),
            false => column.0.to_owned(),
        };
        Cell::new(Span::styled(fill(*column, &name), style))
    });
    let widths = columns.iter().map(|(_, width, _)| match width {
        0 => Constraint::Fill(1),
        width => Constraint::Length(*width),
    });
    let none = rows.is_empty();
    let cells = rows.iter().skip(first).map(|row| {
        let cells = row.iter().zip(columns);
        Row::new(cells.map(|((shown, _), column)| Cell::new(fill(*column, shown))))
    });
    let table = Table::new(cells, widths)
        .header(Row::new(heading))
        .column_spacing(1);
    frame.render_widget(table, area);
    if none && area.height > 1 {
        let below = Rect {
            y: area.y + 1,
            height: 1,
            ..area
        };
        frame.render_widget(Paragraph::new("none"), below);
    }
}
