//! Withers of the parameters: a function for each field, which sets it and hands the rest on.

/// Makes them. A field with a `?` is optional: it takes the value, or an `Option` of it.
macro_rules! withers {
    ($type:ident { $($field:ident: $kind:ty),* $(,)? $(; $($maybe:ident?: $of:ty),* $(,)?)? }) => {
        impl $type {
            $(
                #[doc = concat!("With this `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, $field: $kind) -> Self {
                    self.$field = $field;
                    self
                }
            )*
            $($(
                #[doc = concat!("With this `", stringify!($maybe), "`; `None`: its default.")]
                #[must_use]
                pub fn $maybe(mut self, $maybe: impl Into<Option<$of>>) -> Self {
                    self.$maybe = $maybe.into();
                    self
                }
            )*)?
        }
    };
}

pub(crate) use withers;
