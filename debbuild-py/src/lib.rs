//! debbuild-py.
