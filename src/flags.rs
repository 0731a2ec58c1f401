//! A macro for the flag sets that messages carry.

/// Declares a set of flags as a newtype with `from_bits`, `bits` and `contains`. The set keeps bits without a name.
macro_rules! flags {
    (
        $(#[$about:meta])*
        pub struct $Name:ident($Bits:ty) {
            $($(#[$about_flag:meta])* const $FLAG:ident = $bits:expr;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $Name($Bits);

        impl $Name {
            $($(#[$about_flag])* pub const $FLAG: Self = Self($bits);)*

            /// Makes a set of these bits.
            #[must_use]
            pub const fn from_bits(bits: $Bits) -> Self {
                Self(bits)
            }

            /// Returns all bits, including bits without a name.
            #[must_use]
            pub const fn bits(self) -> $Bits {
                self.0
            }

            /// Returns whether every flag of `flags` is set.
            #[must_use]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }
        }
    };
}
pub(crate) use flags;
