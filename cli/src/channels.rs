//! `ringwork channels`: the channels of a pool, with what waits in them and at them.

use super::exit::{Failure, NO_POOL};
use clap::Args;
use ringwork_ring::queue::channels::ChannelRing;
use ringwork_ring::records::ChannelSide;
use ringwork_ring::{Codec, PoolDir, Segment};
use serde_json::{Value, json};
use std::io::{self, Write};

const AFTER_HELP: &str = "\
Columns: MESSAGES wait in the channel, of CAPACITY; SIZE is the most bytes of one; SENT counts the positions that \
senders have passed; RECEIVERS and SENDERS are clients that sleep until there is a message, or room.

Exit codes: 0 the pool has channels; 2 wrong options; 3 no such pool, or it has no channel.";

/// List the channels of a pool.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Channels {
    /// Name of the pool.
    name: String,

    /// Print a JSON object for each.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(channels: &Channels) -> Result<(), Failure> {
    let segment = Segment::attach_to_read(&PoolDir::new(&channels.name)?)?;
    let name = &channels.name;
    if segment.channels().next().is_none() {
        let text = format!("the pool {name} has no channel: serve it with --channel NAME");
        return Err(Failure::new(NO_POOL, text));
    }
    let mut out = io::stdout().lock();
    if !channels.json {
        writeln!(
            out,
            "{:<20} {:>8} {:>8} {:>7} {:>6} {:>13} {:>12} {:>9} {:>7}",
            "CHANNEL",
            "MESSAGES",
            "CAPACITY",
            "SIZE",
            "CODEC",
            "DELIVERY",
            "SENT",
            "RECEIVERS",
            "SENDERS"
        )?;
    }
    for channel in segment.channels() {
        if channels.json {
            writeln!(out, "{}", as_json(channel))?;
        } else {
            writeln!(out, "{}", as_text(channel))?;
        }
    }
    Ok(out.flush()?)
}

fn codec_of(channel: ChannelRing<'_>) -> Option<String> {
    let codec = channel.codec()?;
    let named = Codec::from_word(codec).map(|codec| codec.to_string());
    Some(named.unwrap_or_else(|unknown| unknown.to_string()))
}

fn delivery_of(channel: ChannelRing<'_>) -> &'static str {
    if channel.config().once {
        "at-most-once"
    } else {
        "at-least-once"
    }
}

fn as_text(channel: ChannelRing<'_>) -> String {
    let config = channel.config();
    format!(
        "{:<20} {:>8} {:>8} {:>7} {:>6} {:>13} {:>12} {:>9} {:>7}",
        config.name,
        channel.depth(),
        config.capacity,
        config.size,
        codec_of(channel).unwrap_or_else(|| "-".to_owned()),
        delivery_of(channel),
        channel.tail(),
        channel.waiting(ChannelSide::Receivers),
        channel.waiting(ChannelSide::Senders),
    )
}

fn as_json(channel: ChannelRing<'_>) -> Value {
    let config = channel.config();
    json!({
        "channel": config.name,
        "messages": channel.depth(),
        "capacity": config.capacity,
        "size": config.size,
        "codec": codec_of(channel),
        "delivery": delivery_of(channel),
        "sent": channel.tail(),
        "receivers": channel.waiting(ChannelSide::Receivers),
        "senders": channel.waiting(ChannelSide::Senders),
    })
}
