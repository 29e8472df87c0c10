//! A row of a resource's declaration: one attribute, with everything that follows from it.
//!
//! What a value must look like is a [`Check`]; what it means is decided in
//! `weft-engine`. The rows themselves stand in [`crate::resource`].

use crate::check::Check;

/// Who may see or set an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Who may see or change the row.
    Anyone,
    /// The owner of the row that this one stands on (a port's network), and administrators.
    ParentOwner,
    /// Administrators.
    Admin,
}

/// What an attribute is when a create does not give it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fallback {
    /// The create is refused.
    Required,
    /// Nothing; the service decides.
    Unset,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(&'static str),
    /// `[]`.
    List,
    /// `{}`.
    Object,
}

/// One attribute of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name in JSON and in the row.
    pub name: &'static str,
    /// A second name on the wire; the row has only the first.
    pub also: Option<&'static str>,
    /// The alias of the extension that brings it; none for the core.
    pub alias: Option<&'static str>,
    /// What a value must look like.
    pub check: Check,
    /// What it is when a create does not give it.
    pub fallback: Fallback,
    /// Settable on POST.
    pub create: bool,
    /// Settable on PUT.
    pub update: bool,
    /// Usable as a filter.
    pub filter: bool,
    /// Usable as a sort key.
    pub sort: bool,
    /// Shown in answers.
    pub visible: bool,
    /// Who sees it.
    pub see: Policy,
    /// Who sets it.
    pub set: Policy,
    /// The kind of row that its value names.
    pub refers: Option<&'static str>,
    /// Whether rows are found by its value without a search. References always are.
    pub indexed: bool,
    /// Computed when read, never stored.
    pub computed: bool,
    /// Members of the objects in its list that filters name (`fixed_ips=ip_address=...`), indexed.
    pub members: &'static [&'static str],
    /// What it is, in a sentence.
    pub doc: &'static str,
}

impl Attribute {
    /// A row. `flags` are letters: `C` settable on create, `U` on update, `F` filter, `S` sort.
    ///
    /// # Panics
    /// For another letter; declarations are constants, so that is when they are compiled.
    #[must_use]
    pub const fn new(
        name: &'static str,
        flags: &str,
        check: Check,
        fallback: Fallback,
        doc: &'static str,
    ) -> Self {
        let mut row = Self {
            name,
            also: None,
            alias: None,
            check,
            fallback,
            create: false,
            update: false,
            filter: false,
            sort: false,
            visible: true,
            see: Policy::Anyone,
            set: Policy::Anyone,
            refers: None,
            indexed: false,
            computed: false,
            members: &[],
            doc,
        };
        let letters = flags.as_bytes();
        let mut at = 0;
        while at < letters.len() {
            match letters[at] {
                b'C' => row.create = true,
                b'U' => row.update = true,
                b'F' => row.filter = true,
                b'S' => row.sort = true,
                b'-' => {}
                _ => panic!("a flag is one of C, U, F, S, -"),
            }
            at += 1;
        }
        row
    }

    /// With a second name on the wire.
    #[must_use]
    pub const fn also(mut self, name: &'static str) -> Self {
        self.also = Some(name);
        self
    }

    /// Brought by an extension.
    #[must_use]
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Seen and set by administrators only.
    #[must_use]
    pub const fn admin(mut self) -> Self {
        self.see = Policy::Admin;
        self.set = Policy::Admin;
        self
    }

    /// Set by the given callers only.
    #[must_use]
    pub const fn set_by(mut self, policy: Policy) -> Self {
        self.set = policy;
        self
    }

    /// Names a row of a kind.
    #[must_use]
    pub const fn refers(mut self, kind: &'static str) -> Self {
        self.refers = Some(kind);
        self.indexed = true;
        self
    }

    /// Rows are found by its value without a search.
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// Computed when read.
    #[must_use]
    pub const fn computed(mut self) -> Self {
        self.computed = true;
        self
    }

    /// A list of objects that are filtered by these members.
    #[must_use]
    pub const fn members(mut self, members: &'static [&'static str]) -> Self {
        self.members = members;
        self
    }

    /// Its names on the wire.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also)
    }
}
