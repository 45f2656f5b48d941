//! debbuild-compose.
