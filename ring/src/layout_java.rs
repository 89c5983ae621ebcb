//! Generates `Layout.java` from [`CONSTANTS`], so that no constant is written twice.

use crate::layout::CONSTANTS;
use std::fmt::Write;

/// The Java source, as it must stand in the client's source tree.
#[must_use]
pub fn source() -> String {
    let mut java = String::from(
        "package io.ringwork;\n\n\
         /**\n * Offsets and constants of the segment, in bytes and little-endian.\n *\n \
         * <p>Generated from ring/src/layout.rs by `make layout`; do not edit.\n */\n\
         final class Layout {\n\n  private Layout() {}\n",
    );
    for constant in CONSTANTS {
        let doc = constant.doc.trim().replace('<', "&lt;");
        let (kind, value) = if constant.wide {
            ("long", format!("0x{:x}L", constant.value))
        } else {
            ("int", constant.value.to_string())
        };
        let _ = write!(
            java,
            "\n  /** {doc} */\n  static final {kind} {} = {value};\n",
            constant.name
        );
    }
    java.push_str("}\n");
    java
}
