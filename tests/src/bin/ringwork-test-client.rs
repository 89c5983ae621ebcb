//! A client process that is there to be killed.
//!
//! `ringwork-test-client POOL_DIR HANDLER TEXT COUNT`: submits COUNT tasks,
//! says so on standard output, and waits for its end without reading a result;
//! with COUNT `endless` it submits and reads for ever, from two threads. With HANDLER `channel` it
//! takes COUNT messages of the channel TEXT, says so, and keeps them.

#![forbid(unsafe_code)]

use ringwork::Ringwork;
use ringwork_ring::PoolDir;
use ringwork_ring::client::{Client, TaskOptions};
use ringwork_ring::format::states::Codec;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, handler, text, count] = arguments.as_slice() else {
        panic!("usage: ringwork-test-client POOL_DIR HANDLER TEXT COUNT|endless");
    };
    let dir = PoolDir::at(Path::new(dir)).expect("the pool's directory");
    if handler == "channel" {
        return hold(dir, text, count);
    }
    let client = Client::connect(&dir).expect("a client entry");
    let options = TaskOptions::default().codec(Codec::Utf8);
    if count == "endless" {
        println!("submitting");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let _ = client.call(handler, text.as_bytes(), &options);
                    }
                });
            }
        });
    }
    let count: u32 = count.parse().expect("a number of tasks");
    let _tickets: Vec<_> = (0..count)
        .map(|_| {
            client
                .submit(handler, text.as_bytes(), &options)
                .expect("a slot")
        })
        .collect();
    println!("submitted");
    loop {
        std::thread::park();
    }
}

/// Takes messages of a channel, and keeps them.
fn hold(dir: PoolDir, channel: &str, count: &str) {
    let rw = Ringwork::builder("x").dir(dir).connect_blocking();
    let rw = rw.expect("a client entry");
    let channel = rw.channel::<Vec<u8>>(channel).expect("a channel");
    let count: u32 = count.parse().expect("a number of messages");
    let _held: Vec<_> = (0..count)
        .map(|_| channel.try_receive().expect("served").expect("a message"))
        .collect();
    println!("held");
    loop {
        std::thread::park();
    }
}
