//! A client process that is there to be killed.
//!
//! `ringwork-test-client POOL_DIR HANDLER TEXT COUNT`: submits COUNT tasks,
//! says so on standard output, and waits for its end without reading a result;
//! with COUNT `endless` it submits and reads for ever, from two threads.

#![forbid(unsafe_code)]

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
