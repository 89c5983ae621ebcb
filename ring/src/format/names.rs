//! Enums that have names: on the command line, in TOML, in what `stat` shows. Each enum once, with
//! one table of its names, from which parsing and printing follow.

use std::fmt;

/// A stored word that is none of those that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownWord {
    /// What the word should have been.
    pub what: &'static str,
    /// The word.
    pub word: u64,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} is no {}", self.word, self.what)
    }
}

impl std::error::Error for UnknownWord {}

/// An enum whose values have names and a line of help each, made by [`choices!`].
pub trait Choice: Copy + Eq + fmt::Display + std::str::FromStr<Err = String> + 'static {
    /// All values, in order.
    const VALUES: &'static [Self];

    /// The name, as on the command line.
    fn as_name(self) -> &'static str;

    /// What the value does, in a line.
    fn help(self) -> &'static str;
}

/// What a text is that names none of the values.
#[doc(hidden)]
#[must_use]
pub fn unknown_name(what: &str, text: &str, names: &[&str]) -> String {
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!(
        "unknown {what} {text:?}: use {} or {last}",
        others.join(", ")
    )
}

/// Gives an enum its names: `ALL`, `NAMES`, `name`, `Display`, and `FromStr`, which takes upper case, too.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ($type:ident, $what:literal, { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The value's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> ::std::result::Result<Self, String> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.name().eq_ignore_ascii_case(text))
                    .ok_or_else(|| {
                        $crate::format::names::unknown_name($what, text, Self::NAMES)
                    })
            }
        }
    };
}

/// Declares an enum that people choose from, in a configuration or on a command line. Each value has
/// its doc, which is its help as well, and its name; the first line of the macro names the whole and
/// the default. See [`Choice`](crate::format::names::Choice).
#[doc(hidden)]
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $type:ident, $what:literal, default $default:ident, {
            $( #[doc = $doc:literal] $variant:ident = $name:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $( #[doc = $doc] $variant, )+
        }

        $crate::format::names::names!($type, $what, { $($variant => $name),+ });

        impl Default for $type {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $crate::format::names::Choice for $type {
            const VALUES: &'static [Self] = Self::ALL;

            fn as_name(self) -> &'static str {
                self.name()
            }

            fn help(self) -> &'static str {
                match self {
                    $( Self::$variant => $doc.trim_ascii(), )+
                }
            }
        }
    };
}

/// One value of a [`Stored`] enum, for the enum that Java has of it.
pub(crate) struct Row {
    /// Its constant in the layout.
    pub(crate) constant: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// The lines of its doc.
    pub(crate) doc: &'static [&'static str],
}

/// An enum of stored words, made by [`stored!`].
pub(crate) trait Stored {
    /// The lines of its doc.
    const DOC: &'static [&'static str];
    /// Its values, in order.
    const ROWS: &'static [Row];
}

/// Declares an enum of stored words: each value has its constant of the layout and its name.
/// A word is converted without trust: one that no process of ours writes is an [`UnknownWord`].
macro_rules! stored {
    (
        $(#[doc = $about:literal])+
        $type:ident: $word:ty, $what:literal, {
            $( $(#[doc = $doc:literal])+ $variant:ident = $constant:ident, $name:literal; )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $( $(#[doc = $doc])+ $variant, )+
        }

        $crate::format::names::names!($type, $what, { $($variant => $name),+ });

        impl $crate::format::names::Stored for $type {
            const DOC: &'static [&'static str] = &[$($about),+];
            const ROWS: &'static [$crate::format::names::Row] = &[$(
                $crate::format::names::Row {
                    constant: stringify!($constant),
                    name: $name,
                    doc: &[$($doc),+],
                },
            )+];
        }

        impl $type {
            /// The value of a stored word.
            ///
            /// # Errors
            /// [`UnknownWord`](crate::format::names::UnknownWord) for one that this version does not write.
            #[inline]
            pub const fn from_word(
                word: $word,
            ) -> ::std::result::Result<Self, $crate::format::names::UnknownWord> {
                match word as u64 {
                    $( word if word == $constant as u64 => Ok(Self::$variant), )+
                    word => Err($crate::format::names::UnknownWord { what: $what, word }),
                }
            }

            /// The word that is stored for it.
            #[must_use]
            #[inline]
            pub const fn word(self) -> $word {
                match self {
                    $( Self::$variant => $constant as $word, )+
                }
            }
        }
    };
}

pub(crate) use stored;
#[doc(hidden)]
pub use {choices, names};
