//! Colour on a terminal: a handful of names, and nothing at all when it is off.
//!
//! Whether colour is on is decided in `high.rs` from flags and surroundings; this only writes it. The
//! sixteen-colour codes are used because they follow the terminal's own palette.

/// What a piece of text is, so that the palette is chosen in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A field name or a key.
    Name,
    /// Something that went well, and strings.
    Good,
    /// Something to look at: redirects, numbers.
    Notice,
    /// Something that failed.
    Bad,
    /// A literal such as `true`.
    Literal,
    /// What may be overlooked.
    Faint,
    /// A heading.
    Strong,
}

/// Whether text is painted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    on: bool,
}

impl Style {
    /// Text as it is.
    pub(crate) const PLAIN: Self = Self { on: false };

    /// Painted text if `on`.
    pub(crate) fn new(on: bool) -> Self {
        Self { on }
    }

    /// Whether text is painted.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// What begins a piece of `role`; empty when off.
    pub(crate) fn begin(self, role: Role) -> &'static str {
        if !self.on {
            return "";
        }
        match role {
            Role::Name => "\x1b[34m",
            Role::Good => "\x1b[32m",
            Role::Notice => "\x1b[33m",
            Role::Bad => "\x1b[31m",
            Role::Literal => "\x1b[35m",
            Role::Faint => "\x1b[2m",
            Role::Strong => "\x1b[1m",
        }
    }

    /// What ends a piece; empty when off.
    pub(crate) fn end(self) -> &'static str {
        if self.on { "\x1b[0m" } else { "" }
    }

    /// `text` as `role`.
    pub(crate) fn paint(self, role: Role, text: &str) -> String {
        format!("{}{text}{}", self.begin(role), self.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paint_adds_nothing_when_it_is_off() {
        assert_eq!(Style::PLAIN.paint(Role::Bad, "no"), "no");
        assert_eq!(Style::new(true).paint(Role::Bad, "no"), "\x1b[31mno\x1b[0m");
    }
}
