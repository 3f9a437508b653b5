//! Lookups of types and members by name, where a missing name is a fault.
//!
//! Names are looked up breadth first below the type that has them, so that a wrapper more or less, or the unsharded list
//! of older versions, needs no case of its own.

use std::rc::Rc;

use crate::tasks::model::LayoutFault;
use crate::tasks::types::{Shape, Type, Types};

pub(super) fn named(types: &Types<'_>, name: &str) -> Result<Rc<Type>, LayoutFault> {
    types.by_name(name).ok_or_else(|| LayoutFault::NoType(name.into()))
}

pub(super) fn member(types: &Types<'_>, of: &Type, name: &str) -> Result<(u64, Rc<Type>), LayoutFault> {
    types.find(of, name).ok_or_else(|| no_member(of, name))
}

/// A member of a member, and so on.
pub(super) fn path(types: &Types<'_>, of: &Rc<Type>, names: &[&str]) -> Result<(u64, Rc<Type>), LayoutFault> {
    types.path(of, names).ok_or_else(|| no_member(of, &names.join(".")))
}

fn no_member(of: &Type, name: &str) -> LayoutFault {
    LayoutFault::NoMember { of: of.name.as_str().into(), member: name.into() }
}

/// Where an option has its value, if it has one.
pub(super) fn some(types: &Types<'_>, option: &Type) -> Result<u64, LayoutFault> {
    let Shape::Enum { variants, .. } = &option.shape else {
        return Err(LayoutFault::NotAnEnum(option.name.as_str().into()));
    };
    let some = variants.iter().find(|variant| &*variant.member.name == "Some");
    let some = &some.ok_or_else(|| no_member(option, "Some"))?.member;
    Ok(some.offset + member(types, &types.get(some.type_id), "__0")?.0)
}

/// The bits that count of an integer with so many bytes.
pub(super) fn mask(size: u64) -> u64 {
    if size >= 8 { u64::MAX } else { (1 << (size * 8)) - 1 }
}
