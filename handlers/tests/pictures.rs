//! The image handlers beside Pillow and libvips, the references: `pictures/compare.py` makes files
//! of all kinds, asks for them at full size and at a fifth, and compares pixels. `make test` runs it
//! where the two packages can be had (`tools/reference-python`), and says so where they can't.
#![cfg(feature = "image")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use ringwork_handlers::image::{ResizeParams, ThumbnailParams, resize, thumbnail};
use serde::Deserialize;
use serde_json::{Value, json};

/// A line that the program writes: one call of a handler.
#[derive(Deserialize)]
struct Request {
    handler: String,
    params: Value,
    input: String,
    output: String,
}

fn answer(request: Request) -> Result<Value, String> {
    let body = std::fs::read(&request.input).map_err(|error| error.to_string())?;
    let params = request.params;
    let made = match &*request.handler {
        "image.resize" => {
            let params: ResizeParams = serde_json::from_value(params).map_err(|e| e.to_string())?;
            resize(&params, &body)
        }
        _ => {
            let params: ThumbnailParams =
                serde_json::from_value(params).map_err(|e| e.to_string())?;
            thumbnail(&params, &body)
        }
    };
    let made = made.map_err(|error| error.to_string())?;
    std::fs::write(&request.output, &made.bytes).map_err(|error| error.to_string())?;
    Ok(json!({"width": made.info.width, "height": made.info.height}))
}

#[test]
#[ignore = "needs Pillow and libvips: RINGWORK_REFERENCE_PYTHON=$(tools/reference-python)"]
fn each_picture_is_as_pillow_and_libvips_have_it() {
    let python = std::env::var_os("RINGWORK_REFERENCE_PYTHON")
        .expect("RINGWORK_REFERENCE_PYTHON, as tools/reference-python prints it");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir().unwrap();
    let mut program = Command::new(python)
        .arg(folder.join("tests/pictures/compare.py"))
        .arg(scratch.path())
        .arg(folder.join("../../shared/trials/pictures"))
        .args(std::env::var_os("RINGWORK_PICTURES")) // a folder of more files
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = program.stdin.take().unwrap();
    let from = BufReader::new(program.stdout.take().unwrap());
    for line in from.lines() {
        let line = line.unwrap();
        let Ok(request) = serde_json::from_str(&line) else {
            println!("{line}");
            continue;
        };
        let answer = answer(request).unwrap_or_else(|error| json!({"error": error}));
        if writeln!(to, "{answer}").is_err() {
            break; // it has ended, and says why
        }
    }
    let status = program.wait().unwrap();
    assert!(status.success(), "pictures differ: {status}, see above");
}
