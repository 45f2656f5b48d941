//! debbuild-chroot.
