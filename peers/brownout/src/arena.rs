//! The heap of an engine lies in the harness's object.
//!
//! Power-off wipes RAM, two objects are mounted at a time, and the harness goes back in time by
//! copying an object's bytes. So what an engine takes with `Vec`, `Box` or `BTreeMap` must lie in
//! its object, and be forgotten with it, without a destructor. The global allocator of this crate
//! serves whoever runs on this thread: an engine from its arena, everybody else from the system.
//!
//! Blocks are powers of two; what is given back waits in the list of its size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::ptr::null_mut;

const ALIGN: usize = 16;
const CLASSES: usize = 32;

/// A block that was given back.
struct Free {
    next: *mut Free,
}

#[repr(C, align(16))]
pub(crate) struct Arena {
    start: *mut u8,
    next: *mut u8,
    end: *mut u8,
    free: [*mut Free; CLASSES],
}

thread_local! {
    static ACTIVE: Cell<*mut Arena> = const { Cell::new(null_mut()) };
}

/// Makes an arena the heap of this thread, null: none; returns the one before. What is called next
/// may leave by `longjmp`, so whoever enters an engine sets it and trusts nothing that was set.
pub(crate) fn activate(arena: *mut Arena) -> *mut Arena {
    ACTIVE.replace(arena)
}

/// Whether an engine runs.
pub(crate) fn is_active() -> bool {
    !ACTIVE.get().is_null()
}

fn class_of(layout: &Layout) -> usize {
    let size = layout.size().max(layout.align()).max(ALIGN);
    size.next_power_of_two().trailing_zeros() as usize
}

impl Arena {
    /// # Safety
    /// `start` to `start + size` is the caller's, and stays where it is.
    pub unsafe fn new(start: *mut u8, size: usize) -> Self {
        let end = unsafe { start.add(size) };
        Self { start, next: start, end, free: [null_mut(); CLASSES] }
    }

    fn holds(&self, block: *mut u8) -> bool {
        self.start <= block && block < self.end
    }

    fn take(&mut self, layout: &Layout) -> *mut u8 {
        let class = class_of(layout);
        let listed = self.free.get(class).copied().unwrap_or(null_mut());
        // A block in a list is aligned as most are.
        if !listed.is_null() && layout.align() <= ALIGN {
            self.free[class] = unsafe { (*listed).next };
            return listed.cast();
        }
        let address = (self.next as usize).next_multiple_of(layout.align().max(ALIGN));
        let left = (self.end as usize).saturating_sub(address);
        if class >= CLASSES || 1 << class > left {
            self.give_up(layout.size());
        }
        let block = self.next.wrapping_add(address - self.next as usize);
        self.next = block.wrapping_add(1 << class);
        block
    }

    fn give(&mut self, block: *mut u8, layout: &Layout) {
        let class = class_of(layout);
        let freed = block.cast::<Free>();
        unsafe { freed.write(Free { next: self.free[class] }) };
        self.free[class] = freed;
    }

    /// An end of its own, for a crash has a text and a place.
    fn give_up(&self, size: usize) -> ! {
        let all = self.end as usize - self.start as usize;
        let _ = writeln!(
            std::io::stderr(),
            "brownout: the engine asks for {size} bytes more than its heap of {all} (Engine::HEAP)"
        );
        std::process::abort()
    }
}

/// The allocator of every program that this crate is part of.
pub(crate) struct Heap;

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match unsafe { ACTIVE.get().as_mut() } {
            Some(arena) => arena.take(&layout),
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match unsafe { ACTIVE.get().as_mut() } {
            Some(arena) if arena.holds(block) => arena.give(block, &layout),
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(arena) = (unsafe { ACTIVE.get().as_mut() }) else {
            return unsafe { System.realloc(block, layout, size) };
        };
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if arena.holds(block) && class_of(&layout) == class_of(&new) {
            return block;
        }
        let place = arena.take(&new);
        unsafe {
            place.copy_from_nonoverlapping(block, size.min(layout.size()));
            self.dealloc(block, layout);
        }
        place
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again_and_all_lies_in_the_arena() {
        let mut memory = [0u128; 256];
        let mut arena = unsafe { Arena::new(memory.as_mut_ptr().cast(), 4096) };
        activate(&mut arena);
        let mut numbers: Vec<u32> = vec![];
        let mut at = vec![];
        for round in 0..200 {
            numbers.push(round);
            at.push(numbers.as_ptr() as usize);
            drop(vec![round; 20]);
            at.clear();
        }
        let inside = arena.holds(numbers.as_mut_ptr().cast());
        let sum: u32 = numbers.iter().sum();
        activate(null_mut());
        std::mem::forget(numbers);
        std::mem::forget(at);
        assert!(inside && sum == 199 * 100);
    }

    #[test]
    fn a_block_is_aligned_as_asked() {
        let mut memory = [0u128; 64];
        let mut arena = unsafe { Arena::new(memory.as_mut_ptr().cast(), 1024) };
        for align in [1, 16, 64, 128] {
            let block = arena.take(&Layout::from_size_align(8, align).unwrap());
            assert_eq!(block as usize % align, 0);
        }
    }
}
