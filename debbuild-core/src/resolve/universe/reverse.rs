//! Relations from the other end: which names they name.

use std::sync::Arc;

use super::{
    super::{
        encode::Group,
        index::{Field, GroupId},
    },
    SolvableId, Universe,
};

impl Universe {
    /// The names that the groups of a field of a package name, each with its group.
    pub(in super::super) fn naming(&self, id: SolvableId, field: Field) -> impl Iterator<Item = (GroupId, &str)> {
        let table = self.part(id).packages.table();
        table.groups(self.row(id), field).iter().flat_map(move |group| {
            table.alternatives(*group).iter().map(move |alternative| (*group, table.text(alternative.package)))
        })
    }

    /// A group of the index of a package, as that package means it.
    pub(in super::super) fn group_as_meant(&self, id: SolvableId, group: GroupId) -> Arc<Group> {
        self.group_of(self.part(id), group, self.architecture(id))
    }
}
