//! A type's shape: as far as memory is read by it.

use super::units::EntryId;

/// A type as far as memory is read by it.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) id: EntryId,
    /// With its path, and its generics as the compiler prints them.
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) align: u64,
    pub(crate) shape: Shape,
    pub(crate) members: Vec<Member>,
    pub(crate) generics: Vec<(Box<str>, EntryId)>,
    /// Of a vtable's type: the type that the vtable belongs to.
    pub(super) containing: Option<EntryId>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// A struct, a tuple or a union.
    Struct,
    Enum {
        /// Where it is and how many bytes it has; none if there is but one variant.
        discriminant: Option<(u64, u64)>,
        /// It is the state of an async function, block or closure.
        coroutine: bool,
        variants: Vec<Variant>,
    },
    Pointer(Option<EntryId>),
    Array {
        element: EntryId,
        count: u64,
    },
    /// Defined elsewhere, by the same name.
    Declaration,
    Other,
}

#[derive(Debug)]
pub(crate) struct Variant {
    /// `None` for the variant that any other value means.
    pub(crate) value: Option<u128>,
    pub(crate) member: Member,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    /// In bytes, from the start of the type.
    pub(crate) offset: u64,
    pub(crate) type_id: EntryId,
    /// Index of the file in the unit's table.
    pub(crate) file: u64,
    pub(crate) line: u32,
}

impl Type {
    pub(super) fn empty(id: EntryId) -> Self {
        Type {
            id,
            name: String::new(),
            size: 0,
            align: 0,
            shape: Shape::Other,
            members: Vec::new(),
            generics: Vec::new(),
            containing: None,
        }
    }

    pub(crate) fn is_coroutine(&self) -> bool {
        matches!(self.shape, Shape::Enum { coroutine: true, .. })
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| &*member.name == name)
    }
}
