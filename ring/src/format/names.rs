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

/// What a text is that names none of the values.
pub(crate) fn unknown_name(what: &str, text: &str, names: &[&str]) -> String {
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!(
        "unknown {what} {text:?}: use {} or {last}",
        others.join(", ")
    )
}

/// Gives an enum its names: `ALL`, `NAMES`, `name`, `Display`, and `FromStr`, which takes upper case, too.
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

/// Declares an enum of stored words: each value has its constant of the layout and its name.
/// A word is converted without trust: one that no process of ours writes is an [`UnknownWord`].
macro_rules! stored {
    (
        $(#[$meta:meta])*
        $type:ident: $word:ty, $what:literal, {
            $( $(#[doc = $doc:literal])+ $variant:ident = $constant:ident, $name:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $( $(#[doc = $doc])+ $variant, )+
        }

        names!($type, $what, { $($variant => $name),+ });

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

pub(crate) use {names, stored};
