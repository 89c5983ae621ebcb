//! The table of the optional sections, in the header.

use super::Header;
use crate::format::config::Geometry;
use crate::format::layout::*;
use crate::format::section::Section;

/// Where the entry of a section is in the header.
const fn entry_at(index: usize) -> usize {
    H_SECTIONS + index * SECTION_STRIDE
}

impl Header<'_> {
    /// Writes the table, before the ready word.
    pub(super) fn fill_sections(self, geometry: &Geometry) {
        self.put32(H_SECTION_COUNT, geometry.sections.len() as u32);
        for (index, place) in geometry.sections.iter().enumerate() {
            let at = entry_at(index);
            self.put32(at + SECTION_KIND, place.section.kind);
            self.put32(at + SECTION_COUNT, place.section.count);
            self.put32(at + SECTION_BYTES, place.section.bytes);
            self.put64(at + SECTION_OFFSET, place.offset as u64);
        }
    }

    /// The sections that the table names, known or not.
    pub(super) fn sections(self) -> Result<Vec<Section>, String> {
        let count = self.get32(H_SECTION_COUNT) as usize;
        if count > MAX_SECTIONS {
            return Err(format!("{count} sections"));
        }
        let section = |index: usize| {
            let at = entry_at(index);
            Section {
                kind: self.get32(at + SECTION_KIND),
                count: self.get32(at + SECTION_COUNT),
                bytes: self.get32(at + SECTION_BYTES),
            }
        };
        Ok((0..count).map(section).collect())
    }

    /// Whether each section is where it follows from the others.
    pub(super) fn check_sections(self, geometry: &Geometry) -> Result<(), String> {
        for (index, place) in geometry.sections.iter().enumerate() {
            let found = self.get64(entry_at(index) + SECTION_OFFSET);
            if found != place.offset as u64 {
                return Err(format!(
                    "the section of kind {} is at {found}, it should be at {}",
                    place.section.kind, place.offset
                ));
            }
        }
        Ok(())
    }
}
