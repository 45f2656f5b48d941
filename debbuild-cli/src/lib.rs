//! debbuild-cli.
