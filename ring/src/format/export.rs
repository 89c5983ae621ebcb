//! Generates `Layout.java` from [`constants`], and the enums that Java has of stored words from ours,
//! so that no constant and no value is written twice.

use crate::format::layout::constants;
use crate::format::names::Stored;
use crate::format::states::{Codec, PoolState, Status};
use std::fmt::Write;

/// Where the client's Java sources are, from the repository's top.
const JAVA: &str = "java-panama/ringwork/src/main/java/io/ringwork";

/// The generated Java files: each with its path from the repository's top.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    vec![
        (format!("{JAVA}/internal/segment/Layout.java"), source()),
        (
            format!("{JAVA}/internal/segment/Status.java"),
            java_enum::<Status>("io.ringwork.internal.segment", "Status", "public "),
        ),
        (
            format!("{JAVA}/internal/segment/CodecKind.java"),
            java_enum::<Codec>("io.ringwork.internal.segment", "CodecKind", "public "),
        ),
        (
            format!("{JAVA}/PoolState.java"),
            java_enum::<PoolState>("io.ringwork", "PoolState", ""),
        ),
    ]
}

/// A Java enum of stored words. What makes a value of a word is as visible as `visible` says.
fn java_enum<E: Stored>(package: &str, name: &str, visible: &str) -> String {
    let doc = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let layout = if package.ends_with(".segment") {
        ""
    } else {
        "import io.ringwork.internal.segment.Layout;\n"
    };
    let mut java = format!(
        "// Generated from ring/src/format/states.rs by `make layout`; do not edit.\n\
         package {package};\n\n{layout}import org.jspecify.annotations.Nullable;\n\n\
         /** {} */\npublic enum {name} {{\n",
        doc(E::DOC)
    );
    for (i, row) in E::ROWS.iter().enumerate() {
        let end = if i + 1 == E::ROWS.len() { ";" } else { "," };
        let value = row.name.to_uppercase();
        let _ = write!(java, "  /** {} */\n  {value}{end}\n", doc(row.doc));
    }
    let _ = write!(
        java,
        "\n  /** The value of a stored word, or null for one that this version does not write. */\n  \
         {visible}static @Nullable {name} of(int word) {{\n    return switch (word) {{\n"
    );
    for row in E::ROWS {
        let value = row.name.to_uppercase();
        let _ = writeln!(java, "      case Layout.{} -> {value};", row.constant);
    }
    java.push_str("      default -> null;\n    };\n  }\n}\n");
    java
}

/// `Layout.java`.
fn source() -> String {
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
    fn the_committed_java_files_are_what_the_format_says() {
        for (path, java) in files() {
            assert!(
                committed(&format!("../{path}")) == java,
                "{path} differs from ring/src/format/: run `make layout` and commit"
            );
        }
    }

    #[test]
    fn the_golden_list_is_what_the_layout_says() {
        assert!(
            committed("layout.txt") == golden(),
            "ring/layout.txt differs: run `make layout` and commit; bump VERSION if an offset moved"
        );
    }
}
