//! An index without packages that makes names known in an order. The order decides where nothing else does: among packages that
//! serve equally well apt takes the one whose name became known last, and what is installed is looked at in its order.

use super::{PackageIndex, Packages};

/// An architecture that no system has.
const NOWHERE: &str = "only-names";
/// How many names stand in one field, which has a limit.
const MOST: usize = 1000;

/// An index to put before all others: it makes these names known in their order, and then these packages, each a name and an
/// architecture.
pub(super) fn naming(names: &[&str], packages: &[(&str, &str)]) -> Packages {
    let mut text = String::new();
    for names in names.chunks(MOST) {
        let first = names.first().copied().unwrap_or_default();
        text += &stanza(first, NOWHERE);
        text += &format!("Suggests: {}\n\n", names.join(", "));
    }
    packages.iter().for_each(|(name, architecture)| text += &(stanza(name, architecture) + "\n"));
    // With a negative priority none of them is ever chosen.
    (PackageIndex::parse_status("names", text).into(), -1).into()
}

fn stanza(name: &str, architecture: &str) -> String {
    format!("Package: {name}\nVersion: 0\nArchitecture: {architecture}\n")
}
