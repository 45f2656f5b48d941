//! How much memory a command uses together with all that it started, and an alarm when that is too much.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{sync::oneshot, task::JoinHandle, time::MissedTickBehavior};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// Looks at a running command until it is dropped.
pub(super) struct Meter {
    peak: Arc<AtomicU64>,
    over: Option<oneshot::Receiver<()>>,
    looking: JoinHandle<()>,
}

impl Meter {
    /// Looks at this process with its descendants; the alarm is for more than `limit` bytes.
    pub(super) fn start(process: u32, limit: Option<u64>) -> Self {
        let (alarm, over) = oneshot::channel();
        let peak = Arc::new(AtomicU64::new(0));
        let looking = tokio::spawn(look(process, limit.unwrap_or(u64::MAX), Arc::clone(&peak), alarm));
        Self { peak, over: Some(over), looking }
    }

    /// The most that was seen so far, in bytes.
    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Returns when it is too much, else never.
    pub(super) async fn over(&mut self) {
        if let Some(over) = &mut self.over
            && over.await.is_ok()
        {
            return;
        }
        self.over = None;
        std::future::pending::<()>().await;
    }
}

/// Ends a process with its descendants at once, also those that left its group.
pub(super) fn end_all(process: u32) {
    for id in descendants(process) {
        if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _gone = kill_process(id, Signal::KILL);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(process: u32, limit: u64, peak: Arc<AtomicU64>, alarm: oneshot::Sender<()>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Ok(used) = tokio::task::spawn_blocking(move || used(process, limit)).await else { return };
        peak.fetch_max(used, Ordering::Relaxed);
        if used > limit {
            // Nobody may be listening any more.
            let _heard = alarm.send(());
            return;
        }
    }
}

/// The bytes that a process and its descendants use that are not files. What several of them share is first counted for each;
/// where that is beyond the limit it is counted by shares, which the kernel takes longer to say.
fn used(process: u32, limit: u64) -> u64 {
    let tree = descendants(process);
    let each: u64 = tree.iter().filter_map(|id| resident(*id)).sum();
    if each <= limit {
        return each;
    }
    tree.iter().filter_map(|id| shares(*id).or_else(|| resident(*id))).sum()
}

/// The process with all that it started, as far as they still belong to it: what a namespace's first process adopts does.
fn descendants(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut at = 0;
    while let Some(id) = all.get(at).copied() {
        at += 1;
        for thread in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_ascii_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
    }
    all
}

/// proc_pid_status(5); none for a process that has ended.
fn resident(id: u32) -> Option<u64> {
    sum(&fs::read_to_string(format!("/proc/{id}/status")).ok()?, ["RssAnon:", "RssShmem:"])
}

/// proc_pid_smaps(5), `smaps_rollup`; none where it may not be read, and from kernels that do not tell files from the rest.
fn shares(id: u32) -> Option<u64> {
    sum(&fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?, ["Pss_Anon:", "Pss_Shmem:"])
}

/// The sum of two fields in KiB, as bytes.
fn sum(text: &str, fields: [&str; 2]) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = fields.iter().find_map(|field| line.strip_prefix(field))?;
        rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    let values: Vec<u64> = values.collect();
    (values.len() == fields.len()).then(|| values.iter().sum::<u64>() * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_nobody_elses_is_counted() {
        let own = std::process::id();
        assert!(used(own, u64::MAX) > 100_000);
        assert!(used(own, 0) > 100_000, "by shares");
        assert_eq!(used(u32::MAX, u64::MAX), 0, "there is no such process");
        assert_eq!(sum("RssAnon:\t     12 kB\nRssShmem:\t 1 kB\n", ["RssAnon:", "RssShmem:"]), Some(13 * 1024));
        assert_eq!(sum("RssAnon:\t     12 kB\n", ["RssAnon:", "RssShmem:"]), None);
    }
}
