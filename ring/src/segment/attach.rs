//! Attaching to a segment: nothing of its header is believed before it is checked.

use super::backing::Access;
use super::file::{self, Opened};
use super::{Declared, Segment, map};
use crate::error::{Result, RingError};
use crate::format::config::{Geometry, PoolConfig};
use crate::format::layout::VERSION;
use crate::records::Readiness;
use crate::segment::paths::{PoolDir, remove_file_of};
use std::path::Path;

impl Segment {
    /// Maps the segment of a pool after checking file, version and every size.
    ///
    /// # Errors
    /// [`RingError::NotFound`] when there is none, [`RingError::NotReady`] while it is made,
    /// [`RingError::Version`] for one of another version, [`RingError::Foreign`] for what is no segment,
    /// or is damaged.
    pub fn attach(dir: &PoolDir) -> Result<Self> {
        Self::attach_for(dir, Access::Write)
    }

    /// The same, mapped for reading only: for a process that must not be able to change a word, as the
    /// one that answers HTTP. A call that writes ends that process by SIGSEGV.
    ///
    /// # Errors
    /// Those of [`Segment::attach`].
    pub fn attach_to_read(dir: &PoolDir) -> Result<Self> {
        Self::attach_for(dir, Access::Read)
    }

    fn attach_for(dir: &PoolDir, access: Access) -> Result<Self> {
        let Opened {
            file,
            size,
            path,
            epoch: promised,
        } = file::open(dir, access)?;
        let map = map(&file, size, access)?;
        failpoint!("attach.mapped");
        // A throw-away geometry: enough to read the header through the same checked accessors.
        let mut segment = Self {
            map,
            file: None,
            place: path.clone(),
            geometry: PoolConfig::default().geometry()?,
            channels: Vec::new(),
            dir: dir.clone(),
            epoch: 0,
            declared: Declared::default(),
        };
        segment.check_readiness(&path)?;
        let refuse = |why: String| RingError::Foreign {
            path: path.clone(),
            why,
            remedy: remove_file_of(&path),
        };
        segment.geometry = segment
            .read_geometry()
            .map_err(|why| refuse(format!("its header is corrupt: {why}")))?;
        if segment.geometry.segment_size != size {
            return Err(refuse(format!(
                "it was truncated or extended: {size} bytes instead of {}",
                segment.geometry.segment_size
            )));
        }
        segment.epoch = segment.header().epoch();
        if promised.is_some_and(|epoch| epoch != segment.epoch) {
            return Err(refuse(
                "it has not the epoch that its pointer promises".into(),
            ));
        }
        segment.channels = segment
            .read_channels()
            .map_err(|why| refuse(format!("its channels are corrupt: {why}")))?;
        failpoint!("attach.checked");
        Ok(segment)
    }

    fn check_readiness(&self, path: &Path) -> Result<()> {
        let version = |found: String| RingError::Version {
            path: path.to_path_buf(),
            found,
            expected: VERSION,
        };
        Err(match self.header().readiness_acquire() {
            Readiness::Ready => return Ok(()),
            Readiness::NotReady => RingError::NotReady {
                path: path.to_path_buf(),
            },
            Readiness::NoSegment => RingError::Foreign {
                path: path.to_path_buf(),
                why: "it is not a Ringwork segment".into(),
                remedy: remove_file_of(path),
            },
            Readiness::Version(found) => version(format!("version {found}")),
            Readiness::Features(bits) => {
                version(format!("unknown feature bits {bits:#x}, which it requires"))
            }
        })
    }

    /// The geometry that follows from the header's counts, if its offsets agree.
    fn read_geometry(&self) -> std::result::Result<Geometry, String> {
        let sizes = self.header().sizes()?;
        let config = PoolConfig {
            clients: sizes.clients,
            slots: sizes.slots,
            max_workers: sizes.max_workers,
            max_lanes: sizes.max_lanes,
            priorities: sizes.priorities,
            limits: sizes.limits,
            segment_size: None,
            arena: Some(sizes.arena),
            sections: Some(sizes.sections),
            ..PoolConfig::default()
        };
        let geometry = config.geometry().map_err(|why| match why {
            RingError::Config(what) => what,
            other => other.to_string(),
        })?;
        self.header().check(&geometry)?;
        Ok(geometry)
    }
}
