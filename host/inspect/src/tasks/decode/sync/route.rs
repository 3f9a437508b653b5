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
    /// Where what is held begins in what it points to, and how many bytes it has.
    pub(crate) start: u64,
    pub(crate) size: u64,
    pub(crate) to: EntryId,
}

/// The ways from `of` to the first pointer in it, one for each variant.
pub(crate) fn routes(types: &Types<'_>, of: &Type) -> Vec<Route> {
    let mut found = Vec::new();
    follow(
        types,
        of,
        &Route { conditions: Vec::new(), offset: 0, start: 0, size: 0, to: of.id },
        0,
        &mut found,
    );
    found
}

/// Whether there is a pointer.
fn follow(types: &Types<'_>, of: &Type, route: &Route, depth: usize, found: &mut Vec<Route>) -> bool {
    if depth > MAX_DEPTH || found.len() >= MAX_ROUTES {
        return false;
    }
    match &of.shape {
        Shape::Pointer(Some(to)) => {
            let (start, size) = extent(types, &types.get(*to));
            found.push(Route { start, size, to: *to, ..route.clone() });
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

/// The members of locks by which they count: tokio's, the standard library's and lock_api's.
const COUNTED_BY: [&str; 3] = ["s", "inner", "raw"];

/// What is held of what is pointed to: where it begins and how many bytes it has. Of a lock it is the part by which it counts, since
/// its value may have locks of its own, which who holds it does not hold. The debug information tells 0 bytes of one with a value of
/// unknown size, which is its last part: the lock itself ends after what it counts by.
fn extent(types: &Types<'_>, of: &Type) -> (u64, u64) {
    let (base, lock) = match of.member("data").filter(|_| of.name.starts_with("alloc::sync::ArcInner<")) {
        Some(data) => (data.offset, Some(types.get(data.type_id))),
        None => (0, None),
    };
    let lock = lock.as_deref().unwrap_or(of);
    let is_lock = ["::Mutex<", "::RwLock<", "::ReentrantMutex<"].iter().any(|name| lock.name.contains(name));
    let part = COUNTED_BY.iter().find_map(|name| lock.member(name).filter(|_| is_lock));
    if let Some(part) = part {
        let size = types.get(part.type_id).size;
        return (base + part.offset, size.max(1));
    }
    if of.size > 0 {
        return (0, of.size);
    }
    let word = ["permits", "futex", "state"].iter().find_map(|name| types.find(of, name));
    (0, word.map_or(1, |(offset, word)| offset + word.size.max(8)))
}
