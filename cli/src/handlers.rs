//! `ringwork handlers`: what tasks there are, in the stock worker or in a live pool.

use super::exit::Failure;
use super::place::live;
use super::table::Table;
use super::view;
use clap::Args;
use ringwork_handlers::{STOCK, StockDoc};
use ringwork_ring::Segment;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The two handlers of the stock worker that are no functions of a body.
const PLAIN: [StockDoc; 2] = [
    StockDoc {
        name: "echo",
        summary: "Give the request back, in its own codec",
        params: "",
        body: "anything",
        result: "the same",
    },
    StockDoc {
        name: "sleep",
        summary: "Sleep; ends early when the caller gives up",
        params: "",
        body: "i64: milliseconds",
        result: "i64: milliseconds slept",
    },
];

/// Describe the stock handlers, or list those of a live pool.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done; 3 no such pool, or it is closed or dead.")]
pub(super) struct Handlers {
    /// Name of a pool [default: none, the stock handlers are described].
    name: Option<String>,

    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct StockView {
    name: &'static str,
    summary: &'static str,
    params: Vec<&'static str>,
    body: &'static str,
    result: &'static str,
}

/// Runs the subcommand.
pub(super) fn run(handlers: &Handlers) -> Result<(), Failure> {
    let text = match &handlers.name {
        Some(name) => of_pool(&live(name)?, handlers.json)?,
        None => of_stock(handlers.json)?,
    };
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

fn of_pool(segment: &Segment, json: bool) -> Result<String, Failure> {
    let found = view::handlers(segment);
    if json {
        return Ok(serde_json::to_string_pretty(&found)? + "\n");
    }
    let mut table = Table::new(&["HANDLER", "REQUEST", "RESULT", "LANES"]);
    for handler in found {
        table.row([
            handler.name,
            handler.request.unwrap_or_default().to_owned(),
            handler.result.unwrap_or_default().to_owned(),
            handler.lanes.to_owned(),
        ]);
    }
    Ok(table.to_string())
}

fn of_stock(json: bool) -> Result<String, Failure> {
    let docs = || STOCK.iter().chain(&PLAIN);
    if json {
        let views: Vec<StockView> = docs()
            .map(|doc| StockView {
                name: doc.name,
                summary: doc.summary,
                params: doc.params.lines().collect(),
                body: doc.body,
                result: doc.result,
            })
            .collect();
        return Ok(serde_json::to_string_pretty(&views)? + "\n");
    }
    let mut text = String::new();
    for doc in docs() {
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "{}\n  {}\n  body: {}\n  result: {}",
            doc.name, doc.summary, doc.body, doc.result
        );
        if !doc.params.is_empty() {
            text.push_str("  params, all optional unless said otherwise:\n");
            for line in doc.params.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        text.push('\n');
    }
    text.push_str(
        "Try one: ringwork submit NAME digest --data hello --params '{\"algorithm\":\"blake3\"}'\n",
    );
    Ok(text)
}

#[cfg(all(test, feature = "stock"))]
mod tests {
    use super::*;

    /// No more and no less: a parameter that the page alone has would be found, too.
    #[test]
    fn the_page_says_what_the_command_says() {
        let page = include_str!("../../docs/reference/handlers.md");
        let shown = page
            .split_once("```text\n")
            .and_then(|(_, rest)| rest.split_once("```\n"))
            .map_or("no text", |(shown, _)| shown);
        assert_eq!(shown, of_stock(false).unwrap_or_default());
    }

    #[test]
    fn every_stock_handler_is_described() {
        let text = of_stock(false).unwrap_or_default();
        for name in [
            "echo",
            "sleep",
            "password.hash",
            "image.thumbnail",
            "decompress",
        ] {
            assert!(text.contains(&format!("{name}\n  ")), "{name}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&of_stock(true).unwrap_or_default()).unwrap();
        assert_eq!(json.as_array().map(Vec::len), Some(STOCK.len() + 2));
    }
}
