//! Certainty of the edges of one node: who has it, given all that are in question.

use super::Parties;
use crate::holds::{Certainty, Hold, Role};

/// Leaves of each party what is surest, and says of each hold how sure it is beside the others.
pub(super) fn settle(holds: &mut Vec<Hold>, one: &Parties) {
    once_each(holds, one);
    let is_sure = |hold: &Hold| hold.certainty == Certainty::Certain;
    let of_lock = |hold: &Hold| matches!(hold.role, Role::Exclusive | Role::Shared | Role::Permits(_));
    let alone = |hold: &Hold| hold.role == Role::Exclusive;
    let locks = holds.iter().filter(|hold| of_lock(hold));
    let (sure, doubtful): (Vec<&Hold>, Vec<&Hold>) = locks.partition(|hold| is_sure(hold));
    let verdict = match (&sure[..], &doubtful[..]) {
        ([], [_]) => Verdict::All(Certainty::Probable),
        ([], _) => Verdict::All(Certainty::OneOf),
        ([one], []) if alone(one) => Verdict::Sure(Certainty::Certain),
        // Another one seemed to have it too: one of the two was misread.
        ([one], _) if alone(one) => Verdict::Sure(Certainty::Probable),
        (several, _) if several.iter().any(|hold| alone(hold)) => Verdict::Sure(Certainty::OneOf),
        _ => Verdict::Shared,
    };
    holds.retain_mut(|hold| !of_lock(hold) || verdict.apply(hold));
    others(holds, of_lock);
}

/// What becomes of the holds of a lock or semaphore.
enum Verdict {
    /// Nothing is known for certain: all of them stay.
    All(Certainty),
    /// Only those that are certain by themselves stay.
    Sure(Certainty),
    /// Some share it for certain: all of them stay but those that would have it alone.
    Shared,
}

impl Verdict {
    /// Whether the hold stays, with its certainty.
    fn apply(&self, hold: &mut Hold) -> bool {
        let is_sure = hold.certainty == Certainty::Certain;
        match self {
            Verdict::All(certainty) => hold.certainty = *certainty,
            Verdict::Sure(certainty) => hold.certainty = *certainty,
            Verdict::Shared => return is_sure || hold.role != Role::Exclusive,
        }
        is_sure || matches!(self, Verdict::All(_))
    }
}

/// The ends of channels, and those that run what is waited for: several may have them.
fn others(holds: &mut [Hold], of_lock: impl Fn(&Hold) -> bool) {
    let mut others: Vec<&mut Hold> = holds.iter_mut().filter(|hold| !of_lock(hold)).collect();
    let none_is_sure = others.iter().all(|hold| hold.certainty != Certainty::Certain);
    if let (true, [_, _, ..]) = (none_is_sure, &others[..]) {
        others.iter_mut().for_each(|hold| hold.certainty = Certainty::OneOf);
    }
}

/// One hold for each party and role: the surest that was seen. Permits that it has in several places are added up.
fn once_each(holds: &mut Vec<Hold>, one: &Parties) {
    let role = |hold: &Hold| match hold.role {
        Role::Permits(_) => Role::Permits(0),
        role => role,
    };
    // The same guard may have been seen twice.
    let place = |hold: &Hold| (hold.at, hold.variable.clone(), hold.words.clone());
    holds.sort_by(|a, b| {
        let key = |hold: &Hold| (one.of(hold.by), role_order(role(hold)));
        key(a).cmp(&key(b)).then(b.certainty.cmp(&a.certainty))
    });
    let mut seen = Vec::new();
    holds.dedup_by(|later, kept| {
        if one.of(later.by) != one.of(kept.by) || role(later) != role(kept) {
            seen.clear();
            return false;
        }
        if let (Role::Permits(more), Role::Permits(count)) = (later.role, &mut kept.role) {
            if seen.is_empty() {
                seen.push((kept.at, kept.variable.clone(), kept.words.clone()));
            }
            let place = place(later);
            if later.certainty == kept.certainty && !seen.contains(&place) {
                *count = count.saturating_add(more);
                seen.push(place);
            }
        }
        true
    });
}

fn role_order(role: Role) -> u8 {
    match role {
        Role::Exclusive => 0,
        Role::Shared => 1,
        Role::Permits(_) => 2,
        Role::Sender => 3,
        Role::Receiver => 4,
        Role::Runs => 5,
    }
}
