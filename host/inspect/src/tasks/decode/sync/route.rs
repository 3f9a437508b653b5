//! The way from a guard to the pointer to its lock, through wrappers, options and enumerations.

use crate::tasks::decode::plan::Discriminant;
use crate::tasks::types::{EntryId, Shape, Type, Types};

/// How deep a pointer lies in the types around it: an `Arc` is two, an `Option` another.
const MAX_DEPTH: usize = 8;
/// An end of a channel of the standard library or of crossbeam is one of six kinds of channel.
const MAX_ROUTES: usize = 8;

/// A condition on the way: the variant that an enumeration must have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) discriminant: Discriminant,
    /// It must be that value, or must not.
    pub(crate) value: u64,
    pub(crate) equal: bool,
}

/// One way.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) conditions: Vec<Condition>,
    /// Where the pointer is.
    pub(crate) offset: u64,
    /// How many bytes it points to.
    pub(crate) size: u64,
    pub(crate) to: EntryId,
}

/// The ways from `of` to the first pointer in it, one for each variant.
pub(crate) fn routes(types: &Types<'_>, of: &Type) -> Vec<Route> {
    let mut found = Vec::new();
    follow(types, of, &Route { conditions: Vec::new(), offset: 0, size: 0, to: of.id }, 0, &mut found);
    found
}

/// Whether there is a pointer.
fn follow(types: &Types<'_>, of: &Type, route: &Route, depth: usize, found: &mut Vec<Route>) -> bool {
    if depth > MAX_DEPTH || found.len() >= MAX_ROUTES {
        return false;
    }
    match &of.shape {
        Shape::Pointer(Some(to)) => {
            found.push(Route { size: extent(types, &types.get(*to)), to: *to, ..route.clone() });
            true
        }
        Shape::Enum { discriminant, variants, .. } => {
            let before = found.len();
            for variant in variants {
                let mut route = route.clone();
                if let Some((offset, size)) = discriminant {
                    let discriminant = Discriminant { offset: route.offset + offset, size: *size };
                    let number = |value: u128| u64::try_from(value & u128::from(discriminant.mask())).ok();
                    match variant.value {
                        Some(value) => {
                            let Some(value) = number(value) else { continue };
                            route.conditions.push(Condition { discriminant, value, equal: true });
                        }
                        None => {
                            let others = variants.iter().filter_map(|other| number(other.value?));
                            let others = others.map(|value| Condition { discriminant, value, equal: false });
                            route.conditions.extend(others);
                        }
                    }
                }
                route.offset += variant.member.offset;
                follow(types, &types.get(variant.member.type_id), &route, depth + 1, found);
            }
            found.len() > before
        }
        Shape::Struct => of.members.iter().any(|member| {
            let route = Route { offset: route.offset + member.offset, ..route.clone() };
            follow(types, &types.get(member.type_id), &route, depth + 1, found)
        }),
        _ => false,
    }
}

/// How many bytes a lock has that is pointed to. The debug information tells 0 of one with a value of unknown size, which
/// is its last part: the lock itself ends after what it counts by.
fn extent(types: &Types<'_>, of: &Type) -> u64 {
    if of.size > 0 {
        return of.size;
    }
    let word = ["permits", "futex", "state"].iter().find_map(|name| types.find(of, name));
    word.map_or(1, |(offset, word)| offset + word.size.max(8))
}
