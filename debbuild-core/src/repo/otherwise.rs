//! Whether other archives say something else of packages than what is known of them.

use super::{Entry, EntryKind, Input, RepoError, Repository, catalog::Catalog, parallel, told::given};
use crate::context::Context;

/// Whether an input says of a package what is known of it.
fn says_the_same(catalog: &Catalog, entry: &Entry, input: &Input) -> Result<bool, RepoError> {
    if let (Some(control), true) = (&input.control, entry.kind != EntryKind::Source) {
        return Ok(catalog.text(entry.known_by()?)? == control.as_bytes());
    }
    Ok(given(entry.clone(), &input.given) == *entry)
}

impl Repository {
    /// Which of these packages of a suite are said to be something else by these inputs than they are known to be.
    ///
    /// # Errors
    /// [`RepoError::Record`].
    pub(crate) async fn said_otherwise(
        &self,
        cx: &Context,
        packages: Vec<(Entry, Input)>,
    ) -> Result<Vec<bool>, RepoError> {
        let cancel = cx.cancel().clone();
        self.stored(move |store| {
            let catalog = store.catalog()?;
            parallel::map(&packages, |(entry, input)| {
                cancel.check()?;
                Ok(!says_the_same(&catalog, entry, input)?)
            })
        })
        .await
    }
}
