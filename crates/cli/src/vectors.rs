//! The recorded tokens. The recordings are part of the program, so that the installed program can validate them without
//! the repository.

use crate::recorded::Recording;

/// Returns all recordings in the order of their file names.
pub(crate) fn all() -> Result<Vec<Recording>, String> {
    let recording = |(name, text): &(&str, &str)| {
        let mut recording = Recording::parse(text).map_err(|problem| format!("{name}: {problem}"))?;
        recording.name = (*name).into();
        Ok(recording)
    };
    RECORDINGS.iter().map(recording).collect()
}

macro_rules! recordings {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../testvectors/recorded/", $name, ".json")))),*]
    };
}

/// The names and contents of the files in `testvectors/recorded`, to which the package has a link.
const RECORDINGS: [(&str, &str); 11] = recordings![
    "browsers",
    "impacket",
    "mit-transited",
    "mit",
    "refused",
    "samba-bindings",
    "samba-keys",
    "samba-people",
    "samba-time",
    "samba-trust",
    "samba"
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::recorded;

    #[test]
    fn every_recorded_file_is_part_of_the_program() {
        let names =
            |recordings: Vec<Recording>| recordings.into_iter().map(|recording| recording.name).collect::<Vec<_>>();
        assert_eq!(names(all().unwrap()), names(recorded::load_all().unwrap()));
    }
}
