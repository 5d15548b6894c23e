//! What a power failure leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::log::{Event, State};

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// The files of a folder after a power failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Their contents by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    /// Writes the files into a folder, where they can be opened.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        self.files.iter().try_for_each(|(name, content)| fs::write(folder.join(name), content))
    }
}

/// What becomes of changes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// All lost: the least that may be there.
    Nothing,
    /// All there: as if the process had been killed.
    Everything,
    /// Those before one of them are there, that one in part: the log of writes ends at any byte.
    UpTo(usize),
    /// Any of them, each whole or in part.
    Any,
}

/// What becomes of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Whole,
    Torn,
    Lost,
}

pub(crate) fn disk_after(state: &State, changes: usize, seed: u64) -> Disk {
    let events = &state.events[..changes.min(state.events.len())];
    let mut dice = Dice::new(seed);
    let synced = Synced::of(events, state.contents.len());
    let open: Vec<usize> = (0..events.len()).filter(|&at| !synced.covers(at, events)).collect();
    let way = match (dice.below(8), open.as_slice()) {
        (0, _) => Way::Nothing,
        (1, _) => Way::Everything,
        (2..=4, [_, ..]) => Way::UpTo(open[dice.below(open.len())]),
        _ => Way::Any,
    };
    let mut contents = state.contents.clone();
    let mut names: BTreeMap<&str, usize> =
        state.before.iter().map(|(name, file)| (name.as_str(), *file)).collect();
    for (at, event) in events.iter().enumerate() {
        let fate = if synced.covers(at, events) { Fate::Whole } else { way.fate(at, &mut dice) };
        match event {
            _ if fate == Fate::Lost => {}
            Event::Create { name, file } => _ = names.insert(name, *file),
            Event::Delete { name } => _ = names.remove(name.as_str()),
            Event::Truncate { file, size } => contents[*file].resize(*size, 0),
            Event::Write { file, offset, bytes } if fate == Fate::Whole => {
                write(&mut contents[*file], *offset, bytes);
            }
            Event::Write { file, offset, bytes } => {
                tear(&mut contents[*file], *offset, bytes, &mut dice);
            }
            Event::Sync { .. } | Event::SyncFolder => {}
        }
    }
    let files = names.into_iter().map(|(name, file)| (name.to_owned(), contents[file].clone()));
    Disk { files: files.collect() }
}

/// Up to which change each file, and the folder, is safe.
struct Synced {
    files: Vec<usize>,
    folder: usize,
}

impl Synced {
    fn of(events: &[Event], files: usize) -> Self {
        let mut synced = Self { files: vec![0; files], folder: 0 };
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Sync { file } => synced.files[*file] = at,
                Event::SyncFolder => synced.folder = at,
                _ => {}
            }
        }
        synced
    }

    fn covers(&self, at: usize, events: &[Event]) -> bool {
        match &events[at] {
            Event::Create { .. } | Event::Delete { .. } => at < self.folder,
            Event::Write { file, .. } | Event::Truncate { file, .. } => at < self.files[*file],
            Event::Sync { .. } | Event::SyncFolder => true,
        }
    }
}

impl Way {
    fn fate(self, at: usize, dice: &mut Dice) -> Fate {
        match self {
            Way::Nothing => Fate::Lost,
            Way::Everything => Fate::Whole,
            Way::UpTo(last) if at < last => Fate::Whole,
            Way::UpTo(last) if at > last => Fate::Lost,
            Way::UpTo(_) => Fate::Torn,
            Way::Any => [Fate::Whole, Fate::Torn, Fate::Lost][dice.below(3)],
        }
    }
}

/// A file that is written behind its end has zeros up to there.
fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// Writes the beginning up to any byte, or any of the sectors.
fn tear(content: &mut Vec<u8>, offset: usize, bytes: &[u8], dice: &mut Dice) {
    if dice.below(2) == 0 {
        return write(content, offset, &bytes[..dice.below(bytes.len() + 1)]);
    }
    let mut at = 0;
    while at < bytes.len() {
        let sector_end = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
        let end = (at + sector_end).min(bytes.len());
        if dice.below(2) == 0 {
            write(content, offset + at, &bytes[at..end]);
        }
        at = end;
    }
}

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Less than `most`, which is at least one.
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> State {
        let mut state = State::default();
        let file = state.file("a");
        let write = |offset, byte, count| Event::Write { file, offset, bytes: vec![byte; count] };
        state.events.push(write(0, 1, 2_000));
        state.events.push(Event::Sync { file });
        state.events.push(Event::SyncFolder);
        state.events.push(write(1_000, 2, 2_000));
        state.delete("a");
        state
    }

    #[test]
    fn what_was_synced_is_there_and_the_rest_may_be_in_any_part() {
        let state = events();
        let (mut gone, mut sizes) = (0, Vec::new());
        for seed in 0..500 {
            let disk = disk_after(&state, state.events.len(), seed);
            let Some(content) = disk.files.get("a") else {
                gone += 1;
                continue;
            };
            assert_eq!(content[..1_000], [1; 1_000]);
            assert!(content[1_000..].iter().all(|byte| [0, 1, 2].contains(byte)));
            sizes.push(content.len());
        }
        assert!(gone > 50 && sizes.contains(&2_000) && sizes.contains(&3_000), "{gone}");
        assert!(sizes.iter().any(|size| ![2_000, 3_000].contains(size)));
        assert!(sizes.iter().all(|size| (2_000..=3_000).contains(size)));
    }

    #[test]
    fn the_same_seed_gives_the_same_disk() {
        let state = events();
        for seed in 0..20 {
            assert_eq!(disk_after(&state, 6, seed), disk_after(&state, 6, seed));
        }
    }

    #[test]
    fn what_comes_after_the_failure_is_never_there() {
        let state = events();
        for seed in 0..100 {
            assert!(disk_after(&state, 0, seed).files.is_empty());
            let disk = disk_after(&state, 4, seed);
            assert_eq!(disk.files["a"], [1; 2_000]);
        }
    }
}
