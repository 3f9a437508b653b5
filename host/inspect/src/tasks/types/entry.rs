//! One entry of the DWARF: a type's members and variants, a function's parameters.

use gimli::{AttributeValue, DebuggingInformationEntry, EntriesTreeNode, UnitOffset};

use super::lookup::Types;
use super::shape::{Member, Shape, Type, Variant};
use super::units::{EntryId, Reader, text};

/// Members or variants of one type beyond this are ignored: it is damage.
const MAX_CHILDREN: usize = 10_000;
/// Members further inside are ignored: it is damage. So places can be added up without a care.
const MAX_OFFSET: u64 = 1 << 40;

type Entry<'s> = DebuggingInformationEntry<Reader<'s>>;

/// What a function says of the types that it works on.
#[derive(Default)]
pub(crate) struct Signature {
    /// The mangled name.
    pub(crate) symbol: String,
    /// Its generic parameters.
    pub(crate) generics: Vec<(Box<str>, EntryId)>,
    /// The types of what it takes.
    pub(crate) takes: Vec<EntryId>,
}

impl<'s> Types<'s> {
    pub(super) fn read_type(&self, id: EntryId) -> Option<Type> {
        let (parsed, units) = self.unit(id.unit)?;
        let (dwarf, unit) = (parsed.dwarf(units), &parsed.unit);
        let mut tree = unit.entries_tree(Some(UnitOffset(id.offset as usize))).ok()?;
        let root = tree.root().ok()?;
        let entry = root.entry();
        let (mut target, mut declared) = (None, false);
        let mut own = Type::empty(id);
        for attribute in entry.attrs() {
            match attribute.name() {
                gimli::DW_AT_name => {
                    own.name = dwarf.attr_string(unit, attribute.value()).map_or("", text).to_owned();
                }
                gimli::DW_AT_byte_size => own.size = attribute.udata_value().unwrap_or(0),
                gimli::DW_AT_alignment => own.align = attribute.udata_value().unwrap_or(0),
                gimli::DW_AT_type => target = self.reference(id.unit, attribute.value()),
                gimli::DW_AT_declaration => declared = true,
                gimli::DW_AT_containing_type => own.containing = self.reference(id.unit, attribute.value()),
                _ => {}
            }
        }
        if let Some(full) = self.full_name(id) {
            own.name = full;
        }
        own.shape = match entry.tag() {
            gimli::DW_TAG_pointer_type => {
                own.size = own.size.max(8);
                Shape::Pointer(target)
            }
            gimli::DW_TAG_array_type => Shape::Array { element: target?, count: 0 },
            gimli::DW_TAG_structure_type if declared => Shape::Declaration,
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => Shape::Struct,
            _ => Shape::Other,
        };
        if matches!(own.shape, Shape::Struct | Shape::Array { .. }) {
            self.read_children(root, &mut own);
        }
        Some(own)
    }

    fn read_children(&self, root: EntriesTreeNode<'_, '_, Reader<'s>>, own: &mut Type) {
        let mut children = root.children();
        let mut left = MAX_CHILDREN;
        while let (Ok(Some(child)), true) = (children.next(), left > 0) {
            left -= 1;
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_member => own.members.extend(self.read_member(own.id.unit, entry)),
                gimli::DW_TAG_template_type_parameter => {
                    own.generics.extend(
                        self.read_member(own.id.unit, entry).map(|member| (member.name, member.type_id)),
                    );
                }
                gimli::DW_TAG_subrange_type => {
                    let length = entry.attr_value(gimli::DW_AT_count).and_then(|value| value.udata_value());
                    if let (Shape::Array { count, .. }, Some(length)) = (&mut own.shape, length) {
                        *count = length;
                    }
                }
                gimli::DW_TAG_variant_part => own.shape = self.read_variants(own.id.unit, child),
                _ => {}
            }
        }
    }

    fn read_variants(&self, unit: u32, part: EntriesTreeNode<'_, '_, Reader<'s>>) -> Shape {
        let told_by =
            part.entry().attr_value(gimli::DW_AT_discr).and_then(|value| self.reference(unit, value));
        let (mut discriminant, mut coroutine, mut variants) = (None, false, Vec::new());
        let mut children = part.children();
        while let (Ok(Some(child)), true) = (children.next(), variants.len() < MAX_CHILDREN) {
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_member
                    if told_by.is_some_and(|told_by| told_by.offset as usize == entry.offset().0) =>
                {
                    if let Some(member) = self.read_member(unit, entry) {
                        discriminant = Some((member.offset, self.size_of(member.type_id)));
                        coroutine = &*member.name == "__state";
                    }
                }
                gimli::DW_TAG_variant => {
                    let value = entry.attr_value(gimli::DW_AT_discr_value).and_then(|value| number(&value));
                    let mut members = child.children();
                    while let Ok(Some(member)) = members.next() {
                        if member.entry().tag() == gimli::DW_TAG_member {
                            let member = self.read_member(unit, member.entry());
                            variants.extend(member.map(|member| Variant { value, member }));
                        }
                    }
                }
                _ => {}
            }
        }
        Shape::Enum { discriminant, coroutine, variants }
    }

    /// The size of a type without what is in it: a damaged discriminant may be of a type that has a discriminant, and so
    /// on, as deep as there are types.
    fn size_of(&self, id: EntryId) -> u64 {
        let size = || {
            let (parsed, _) = self.unit(id.unit)?;
            let entry = parsed.unit.entry(UnitOffset(id.offset as usize)).ok()?;
            let size = entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value());
            if entry.tag() == gimli::DW_TAG_pointer_type { Some(size.unwrap_or(0).max(8)) } else { size }
        };
        size().unwrap_or(0)
    }

    fn read_member(&self, unit: u32, entry: &Entry<'s>) -> Option<Member> {
        let (parsed, units) = self.unit(unit)?;
        let (mut name, mut offset, mut type_id, mut file, mut line) = ("", 0, None, 0, 0);
        for attribute in entry.attrs() {
            match attribute.name() {
                gimli::DW_AT_name => {
                    name = parsed.dwarf(units).attr_string(&parsed.unit, attribute.value()).map_or("", text);
                }
                gimli::DW_AT_data_member_location => offset = attribute.udata_value().unwrap_or(0),
                gimli::DW_AT_type => type_id = self.reference(unit, attribute.value()),
                gimli::DW_AT_decl_file => {
                    file = match attribute.value() {
                        AttributeValue::FileIndex(index) => index,
                        value => value.udata_value().unwrap_or(0),
                    };
                }
                gimli::DW_AT_decl_line => {
                    line = attribute.udata_value().and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
                }
                _ => {}
            }
        }
        let type_id = type_id.filter(|_| offset <= MAX_OFFSET)?;
        Some(Member { name: name.into(), offset, type_id, file, line })
    }

    /// What a function works on, with what its declaration and its abstract origin add.
    pub(crate) fn signature(&self, id: EntryId) -> Signature {
        let mut signature = Signature::default();
        let mut next = Some(id);
        // An instance leads to its origin and that to its declaration: two steps.
        for _ in 0..4 {
            let Some(id) = next.take() else { break };
            next = self.read_signature(id, &mut signature);
        }
        signature
    }

    fn read_signature(&self, id: EntryId, signature: &mut Signature) -> Option<EntryId> {
        let (parsed, units) = self.unit(id.unit)?;
        let (dwarf, unit) = (parsed.dwarf(units), &parsed.unit);
        let mut tree = unit.entries_tree(Some(UnitOffset(id.offset as usize))).ok()?;
        let root = tree.root().ok()?;
        let mut origin = None;
        for attribute in root.entry().attrs() {
            match attribute.name() {
                gimli::DW_AT_linkage_name if signature.symbol.is_empty() => {
                    signature.symbol = dwarf.attr_string(unit, attribute.value()).map_or("", text).to_owned();
                }
                gimli::DW_AT_specification | gimli::DW_AT_abstract_origin => {
                    origin = self.reference(id.unit, attribute.value());
                }
                _ => {}
            }
        }
        let mut children = root.children();
        let mut left = MAX_CHILDREN;
        while let (Ok(Some(child)), true) = (children.next(), left > 0) {
            left -= 1;
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_template_type_parameter => {
                    if let Some(member) = self.read_member(id.unit, entry)
                        && !signature.generics.iter().any(|(name, _)| *name == member.name)
                    {
                        signature.generics.push((member.name, member.type_id));
                    }
                }
                gimli::DW_TAG_formal_parameter => {
                    signature.takes.extend(self.read_member(id.unit, entry).map(|member| member.type_id));
                }
                _ => {}
            }
        }
        origin
    }
}

fn number(value: &AttributeValue<Reader<'_>>) -> Option<u128> {
    if let AttributeValue::Block(block) = value {
        let mut bytes = [0; 16];
        let length = block.slice().len().min(16);
        bytes[..length].copy_from_slice(&block.slice()[..length]);
        return Some(u128::from_le_bytes(bytes));
    }
    let unsigned = value.udata_value().map(u128::from);
    // A negative discriminant is compared by its bits.
    unsigned.or_else(|| value.sdata_value().map(|signed| i128::from(signed).cast_unsigned()))
}
