//! HTTP, as a client sends it to `ringwork ops`: any bytes are answered with whole answers, none of which
//! is a bug's, and each refusal tells what is wrong and what to do.

use ringwork_cli::fuzz::http;

/// Sends the bytes, and closes.
///
/// # Panics
/// When an answer is none, or a panic's.
pub fn run(data: &[u8]) {
    let answered = http(data);
    let mut rest = answered.as_slice();
    // Of a HEAD there is a length, and no body: what comes behind one can't be told from it.
    if data
        .windows(4)
        .any(|word| word.eq_ignore_ascii_case(b"HEAD"))
    {
        return;
    }
    while !rest.is_empty() {
        rest = answer(rest);
    }
}

/// Looks at the first answer; gives what follows it.
fn answer(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
    let end = end.expect("a head has an end");
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
    let (head, body) = (head.to_ascii_lowercase(), &bytes[end + 4..]);
    let status = head
        .strip_prefix("http/1.1 ")
        .or(head.strip_prefix("http/1.0 "));
    let status: u16 = (status.expect("HTTP")[..3].parse()).expect("a status");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    if status == 100 {
        return body;
    }
    assert_ne!(status, 500, "{head}");
    let Some(length) = header("content-length: ") else {
        return &[]; // of a stream; it is the last
    };
    let length: usize = length.parse().expect("a length");
    let (body, rest) = body.split_at(length.min(body.len()));
    if header("content-type: ") == Some("application/problem+json") && body.len() == length {
        let problem: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        for part in ["code", "detail", "remedy"] {
            assert!(
                problem[part].as_str().is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
    }
    rest
}
