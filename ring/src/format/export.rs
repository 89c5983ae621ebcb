//! Generates `Layout.java` from [`constants`], so that no constant is written twice.

use crate::format::layout::constants;
use std::fmt::Write;

/// The Java source, as it must stand in the client's source tree.
#[must_use]
pub fn source() -> String {
    let mut java = String::from(
        "package io.ringwork.internal.segment;\n\n\
         /**\n * Offsets and constants of the segment, in bytes and little-endian.\n *\n \
         * <p>Generated from ring/src/format/layout.rs by `make layout`; do not edit.\n */\n\
         public final class Layout {\n\n  private Layout() {}\n",
    );
    for constant in constants() {
        let doc = constant.doc.trim().replace('<', "&lt;");
        let (kind, value) = if constant.wide {
            ("long", format!("0x{:x}L", constant.value))
        } else {
            ("int", constant.value.to_string())
        };
        let _ = write!(
            java,
            "\n  /** {doc} */\n  public static final {kind} {} = {value};\n",
            constant.name
        );
    }
    java.push_str("}\n");
    java
}

/// One line `NAME value` for each constant: what the golden tests of both
/// languages compare their own constants with.
#[must_use]
pub fn golden() -> String {
    constants().fold(String::new(), |text, constant| {
        text + &format!("{} {}\n", constant.name, constant.value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(path: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[test]
    fn the_committed_java_file_is_what_the_layout_says() {
        let java = committed(
            "../java-panama/ringwork/src/main/java/io/ringwork/internal/segment/Layout.java",
        );
        assert!(
            java == source(),
            "Layout.java differs from ring/src/format/layout.rs: run `make layout` and commit"
        );
    }

    #[test]
    fn the_golden_list_is_what_the_layout_says() {
        assert!(
            committed("layout.txt") == golden(),
            "ring/layout.txt differs: bump VERSION, run `make layout` and commit"
        );
    }
}
