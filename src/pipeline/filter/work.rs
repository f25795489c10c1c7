//! A limit to what programs may do, for programs of other people: how much they make and how many steps they take,
//! in bytes. Every value that is made, compared or written is counted where that is done, and every call by the
//! surroundings that it is handed, so that no program gets by.
//!
//! A program that is over the limit is ended by unwinding: an error could be caught by it, again and again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::sys;

/// What a step counts for. It takes no memory, but time.
const STEP: u64 = 64;

/// What a nanosecond counts for, where steps cannot be counted; in parts of a byte.
const NANOS_A_BYTE: u64 = 16;

/// How deep the stack may become. Memory that it once took it keeps, and when it is full, that ends the process.
const DEEPEST: usize = 32 << 20;

thread_local! {
    /// What may still be done on this thread.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };

    /// Where its stack was when the limit was set.
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// What a program is ended with.
struct Exhausted;

/// Runs this with a limit in bytes. `None`: it did not come to its end within. Comes with what was done, too.
pub(super) fn limited<T>(limit: u64, run: impl FnOnce() -> T) -> (Option<T>, u64) {
    let before = LEFT.replace(limit);
    BASE.set(here());
    let result = catch_unwind(AssertUnwindSafe(run));
    let spent = limit - LEFT.replace(before).min(limit);
    match result {
        Ok(result) => (Some(result), spent),
        Err(payload) if payload.is::<Exhausted>() => (None, limit),
        Err(panic) => resume_unwind(panic),
    }
}

/// So many bytes are made, or looked at.
pub(super) fn spend(bytes: usize) {
    spend_all(bytes as u64);
}

/// So many values are made.
pub(super) fn spend_values(count: usize) {
    spend(count.saturating_mul(size_of::<super::value::Val>()));
}

/// A step is taken.
pub(super) fn step() {
    spend_all(STEP);
    if is_limited() && BASE.get().abs_diff(here()) > DEEPEST {
        exhausted();
    }
}

/// About where the stack is.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}

/// Is there a limit?
pub(super) fn is_limited() -> bool {
    // Without one, this is never reached.
    LEFT.get() < u64::MAX / 2
}

/// Does something that takes time in no proportion to what can be counted.
pub(super) fn timed<T>(run: impl FnOnce() -> T) -> T {
    if !is_limited() {
        return run();
    }
    let begun = processor_time();
    let result = run();
    spend_all((processor_time() - begun) / NANOS_A_BYTE);
    result
}

/// What this thread has taken, in nanoseconds. How busy the machine is, is not the program's business.
fn processor_time() -> u64 {
    u64::try_from(sys::thread_time().as_nanos()).unwrap_or(u64::MAX)
}

fn spend_all(bytes: u64) {
    match LEFT.get().checked_sub(bytes) {
        Some(left) => LEFT.set(left),
        None => exhausted(),
    }
}

#[cold]
fn exhausted() -> ! {
    // What is dropped on the way may count as well, and must not unwind again.
    LEFT.set(u64::MAX);
    resume_unwind(Box::new(Exhausted))
}
