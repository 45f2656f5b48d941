//! debbuild-queue.
