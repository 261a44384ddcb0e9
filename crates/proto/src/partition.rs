//! The names of sessions, and the folders that belong to them.
//!
//! A name is any text that an application makes up. The folder of a persistent one is made of
//! letters, digits and a few signs, on every system, so that no name reaches out of its place, means
//! a device, or shares its folder with another. Which session has a name is not known here.
//!
//! Electron `session.fromPartition`.

use std::error::Error;
use std::fmt;

/// What a partition name means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    /// The default session: `""`, and `persist:` without a name.
    Default,
    /// Kept on disk, in the folder of this name.
    Persistent(Box<str>),
    /// Gone with the process. The name is as given.
    InMemory(Box<str>),
}

impl Partition {
    /// Reads a name.
    ///
    /// Names of persistent partitions that differ only in the case of ASCII letters are the same
    /// partition: they would have the same folder on some systems.
    ///
    /// # Errors
    ///
    /// [`PartitionNameTooLong`] if the folder of a persistent partition would have a name of more than
    /// 240 bytes, which not every system can make.
    pub fn parse(name: &str) -> Result<Self, PartitionNameTooLong> {
        match name.strip_prefix("persist:") {
            _ if name.is_empty() => Ok(Self::Default),
            Some("") => Ok(Self::Default),
            Some(name) => {
                let folder = folder(name);
                if folder.len() > LONGEST {
                    return Err(PartitionNameTooLong);
                }
                Ok(Self::Persistent(folder.into()))
            }
            None => Ok(Self::InMemory(name.into())),
        }
    }

    /// Whether it outlives the process.
    pub const fn is_persistent(&self) -> bool {
        match self {
            Self::Default | Self::Persistent(_) => true,
            Self::InMemory(_) => false,
        }
    }

    /// The name of its folder among those of the partitions; `None` for the default session, whose
    /// place is beside them, and for what is not on disk.
    pub fn folder(&self) -> Option<&str> {
        match self {
            Self::Persistent(folder) => Some(folder),
            Self::Default | Self::InMemory(_) => None,
        }
    }
}

/// A name that makes too long a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionNameTooLong;

impl fmt::Display for PartitionNameTooLong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the folder of the partition would have a name of more than {LONGEST} bytes")
    }
}

impl Error for PartitionNameTooLong {}

/// A name in lower case, with everything escaped but letters, digits, `-`, `_` and inner dots.
///
/// A percent sign is escaped too, so two names share a folder only if they differ in case alone.
fn folder(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let device = is_device(&name);
    let mut folder = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let edge = index == 0 || index + 1 == name.len();
        let plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => !(device && index == 0),
            b'.' => !edge,
            _ => false,
        };
        if plain {
            folder.push(byte.into());
        } else {
            folder.push('%');
            for digit in [byte >> 4, byte & 15] {
                folder.push(char::from(HEX[usize::from(digit)]));
            }
        }
    }
    folder
}

/// Whether Windows takes the name for a device, whatever stands behind a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = |port: &str| {
        stem.strip_prefix(port).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// Lower case, like everything else in a folder's name.
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Bytes in the name of a folder; most systems can make 255.
const LONGEST: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_what_stays() {
        for (name, expected) in [
            ("", Partition::Default),
            ("persist:", Partition::Default),
            ("persist:work", Partition::Persistent("work".into())),
            ("persist:Work", Partition::Persistent("work".into())),
            ("work", Partition::InMemory("work".into())),
            ("Work", Partition::InMemory("Work".into())),
            ("PERSIST:work", Partition::InMemory("PERSIST:work".into())),
            (" persist:work", Partition::InMemory(" persist:work".into())),
            ("persist:persist:x", Partition::Persistent("persist%3ax".into())),
        ] {
            let partition = Partition::parse(name).unwrap();
            assert_eq!(partition, expected, "{name}");
            assert_eq!(partition.is_persistent(), name.is_empty() || name.starts_with("persist:"));
        }
    }

    #[test]
    fn a_folder_stays_in_its_place() {
        for (name, expected) in [
            (".", "%2e"),
            ("..", "%2e%2e"),
            ("../x", "%2e.%2fx"),
            ("..\\x", "%2e.%5cx"),
            ("/etc/passwd", "%2fetc%2fpasswd"),
            ("c:x", "c%3ax"),
            ("a\0b", "a%00b"),
            ("a b", "a%20b"),
            ("a.b", "a.b"),
            ("a.", "a%2e"),
            (".a", "%2ea"),
            ("a ", "a%20"),
            ("%2e", "%252e"),
            ("~", "%7e"),
            ("con", "%63on"),
            ("CON", "%63on"),
            ("nul.txt", "%6eul.txt"),
            ("com1", "%63om1"),
            ("LPT9.x", "%6cpt9.x"),
            ("com10", "com10"),
            ("console", "console"),
            ("\u{e9}", "%c3%a9"),
            ("\u{130}", "%c4%b0"),
            ("__proto__", "__proto__"),
        ] {
            let partition = Partition::parse(&format!("persist:{name}")).unwrap();
            assert_eq!(partition.folder(), Some(expected), "{name:?}");
        }
        for name in ["", "persist:", "work"] {
            assert_eq!(Partition::parse(name).unwrap().folder(), None);
        }
    }

    #[test]
    fn two_names_share_a_folder_only_if_they_differ_in_case_alone() {
        let alphabet = [".", "/", "%", "2", "e", "E", "f", "c", "on", "con", "\u{e9}", "\0", " "];
        let mut seen = std::collections::HashMap::new();
        for one in alphabet {
            for two in alphabet {
                for three in alphabet {
                    let name = [one, two, three].concat().to_ascii_lowercase();
                    let folder = folder(&name);
                    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'%' | b'.');
                    assert!(folder.bytes().all(plain), "{folder}");
                    assert!(!folder.starts_with('.') && !folder.ends_with('.'), "{folder}");
                    let other = seen.insert(folder, name.clone());
                    assert!(other.as_ref().is_none_or(|other| *other == name), "{other:?} {name}");
                }
            }
        }
    }

    #[test]
    fn a_long_name_is_refused_and_never_cut() {
        let name = |length| format!("persist:{}", "a".repeat(length));
        assert!(Partition::parse(&name(240)).is_ok());
        assert_eq!(Partition::parse(&name(241)), Err(PartitionNameTooLong));
        assert_eq!(Partition::parse("persist:\u{e9}").unwrap().folder().map(str::len), Some(6));
        assert!(Partition::parse(&"a".repeat(100_000)).is_ok());
    }
}
