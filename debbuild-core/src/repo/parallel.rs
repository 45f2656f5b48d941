//! Work on many items at once, over a bounded number of threads.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Enough to keep a disk busy; more only wait for each other.
const MOST_THREADS: usize = 16;

/// The results of `work`, which keeps a core busy, for each item, in the items' order.
///
/// # Errors
/// The error of the first item that has one; items after a failed one may be left out.
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    spread(cores.min(MOST_THREADS), items, work)
}

/// The same for `work` that waits for the disk: what several threads ask of it at once it often does at once.
///
/// # Errors
/// As [`map`].
pub(crate) fn map_waiting<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    spread(MOST_THREADS, items, work)
}

fn spread<T: Sync, R: Send, E: Send>(
    most: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = most.min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let one = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            let result = work(item);
            let failed = result.is_err();
            done.push((at, result));
            if failed {
                // Items before this one are taken already, so the first error is found in any case.
                next.store(items.len(), Ordering::Relaxed);
            }
        }
    };
    let mut results: Vec<(usize, Result<R, E>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        workers.into_iter().flat_map(join).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_the_first_error_wins() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(map(&items, |item| Ok::<_, ()>(item * 2)).unwrap(), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        let same = map_waiting(&items, |item| Ok::<_, ()>(*item));
        assert_eq!(same, Ok(items.clone()));
        let error = map(&items, |item| if item % 300 == 299 { Err(*item) } else { Ok(()) });
        assert_eq!(error, Err(299));
        assert_eq!(map(&[0_u8; 0], |_| Err::<(), ()>(())), Ok(Vec::new()));
    }
}
