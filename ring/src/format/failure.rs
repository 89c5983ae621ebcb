//! The failure record: code, location and message of a task that failed, as bytes of its result.

use crate::format::layout::*;

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Code, location and message, each cut to its number of bytes at a character.
#[must_use]
pub fn encode(texts: [&str; 3], max: [usize; 3]) -> Vec<u8> {
    let [code, location, message] = std::array::from_fn(|n| cut(texts[n], max[n]));
    let mut bytes = Vec::with_capacity(FAILURE_TEXT + code.len() + location.len() + message.len());
    bytes.extend_from_slice(&(code.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(location.len() as u16).to_le_bytes());
    for text in [code, location, message] {
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// Code, location and message of a record; a broken one is shown as it is.
#[must_use]
pub fn decode(bytes: &[u8]) -> [String; 3] {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let parts = || {
        let length = |at: usize| {
            Some(usize::from(u16::from_le_bytes(
                bytes.get(at..at + 2)?.try_into().ok()?,
            )))
        };
        let code_end = FAILURE_TEXT + length(FAILURE_CODE_LEN)?;
        let location_end = code_end + length(FAILURE_LOCATION_LEN)?;
        Some([
            text(bytes.get(FAILURE_TEXT..code_end)?),
            text(bytes.get(code_end..location_end)?),
            text(bytes.get(location_end..)?),
        ])
    };
    parts().unwrap_or_else(|| ["failure.unreadable".to_owned(), String::new(), text(bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_cut_at_characters() {
        let texts = ["a.code", "file.rs:7", "wrong \u{e4}"];
        let whole = decode(&encode(texts, [64, 64, 64]));
        assert_eq!(whole, texts.map(str::to_owned));
        let cut = decode(&encode(texts, [3, 0, 7]));
        assert_eq!(cut, ["a.c", "", "wrong "].map(str::to_owned));
    }

    #[test]
    fn a_broken_record_is_shown_as_it_is() {
        for broken in [&b"x"[..], b"\xff\xff\0\0text"] {
            let [code, location, message] = decode(broken);
            assert_eq!(
                (code.as_str(), location.as_str()),
                ("failure.unreadable", "")
            );
            assert_eq!(message, String::from_utf8_lossy(broken));
        }
    }
}
