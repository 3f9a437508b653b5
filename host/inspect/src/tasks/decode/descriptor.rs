//! The file descriptor that a future waits for: the way to it from the future's type.

use super::plan::{Discriminant, Step};
use crate::tasks::types::{Shape, Type, Types};

/// How deep a descriptor is looked for.
const MAX_DEPTH: usize = 6;
/// How many types are looked at for it: a socket is near, and a large future must not cost seconds.
const MAX_TYPES: usize = 200;

/// The way from a future to the descriptor that it waits for.
pub(super) fn way(types: &Types<'_>, of: &Type) -> Option<Vec<Step>> {
    way_below(types, of, 0, 0, &mut { MAX_TYPES })
}

fn way_below(types: &Types<'_>, of: &Type, base: u64, depth: usize, left: &mut usize) -> Option<Vec<Step>> {
    *left = left.checked_sub(1)?;
    if let Some((offset, number)) = types.find(of, "fd")
        && number.size <= 4
    {
        return Some(vec![Step::Number { offset: base + offset }]);
    }
    if depth > MAX_DEPTH {
        return None;
    }
    of.members.iter().find_map(|member| {
        let inner = types.get(member.type_id);
        let offset = base + member.offset;
        match &inner.shape {
            // The future borrows its socket; further shared references lead elsewhere.
            Shape::Pointer(Some(to)) if inner.name.starts_with('&') && depth == 0 => {
                let mut steps = vec![Step::Pointer { offset }];
                steps.extend(way_below(types, &types.get(*to), 0, depth + 1, left)?);
                Some(steps)
            }
            Shape::Struct => way_below(types, &inner, offset, depth + 1, left),
            Shape::Enum { discriminant: Some((at, size)), variants, .. }
                if inner.name.starts_with("core::option::Option<") =>
            {
                let none = variants.iter().find(|variant| variant.member.name.as_ref() == "None")?;
                let some = variants.iter().find(|variant| variant.member.name.as_ref() == "Some")?;
                let discriminant = Discriminant { offset: offset + at, size: *size };
                let value = match (none.value, some.value) {
                    (Some(none), _) => Step::Unless { discriminant, value: u64::try_from(none).ok()? },
                    (None, Some(some)) => Step::If { discriminant, value: u64::try_from(some).ok()? },
                    (None, None) => return None,
                };
                let inside = types.get(some.member.type_id);
                let mut steps = vec![value];
                steps.extend(way_below(types, &inside, offset + some.member.offset, depth + 1, left)?);
                Some(steps)
            }
            _ => None,
        }
    })
}
