//! Packages that are not the same in two sets, for people.

use debbuild_core::resolve::{Changed, Picked};

use crate::{app::change_name, console::Table};

/// A table of them, and their number.
pub(super) fn changed_text(changed: &[Changed]) -> String {
    let mut table = Table::new(["CHANGE", "PACKAGE", "BEFORE", "AFTER", "ALSO"]);
    for one in changed {
        let name = one.after.as_ref().or(one.before.as_ref()).map_or(String::new(), |side| side.package.to_string());
        let side = |side: &Option<Picked>| side.as_ref().map_or("-".to_owned(), |side| side.version.to_string());
        let mut also = Vec::new();
        if let (Some(before), Some(after)) = (&one.before, &one.after) {
            if one.has_other_origin() {
                also.push(format!("from {}, was from {}", after.origin, before.origin));
            }
            if before.architecture != after.architecture {
                also.push(format!("for {}, was for {}", after.architecture, before.architecture));
            }
            if one.has_other_content() {
                also.push("other content".to_owned());
            }
        }
        table.row([change_name(one.change).to_owned(), name, side(&one.before), side(&one.after), also.join("; ")]);
    }
    format!("{}\n{} packages differ\n", table.text(), changed.len())
}
