//! What every [`IsoBuilder`] must do, given a request whose root file system has a kernel.

use std::fs;

use debbuild_core::{command::Discard, context::Context, digest::Sha256, path::AbsPath};

use super::{IsoBuilder, IsoRequest};

/// The file is there and nothing else, and the same request gives the same bytes.
///
/// # Panics
/// When the builder does not conform.
pub async fn isos_are_reproducible(builder: &dyn IsoBuilder, request: &IsoRequest, scratch: &AbsPath) {
    let cx = Context::new();
    let mut digests = Vec::new();
    for name in ["one", "two"] {
        let folder = scratch.child(name).expect("a plain name");
        fs::create_dir_all(&folder).expect("scratch can be written");
        let file = folder.join("a.iso");
        builder.build(&cx, request, &mut Discard, &file).await.expect("it builds");
        assert_eq!(fs::read_dir(&folder).expect("the folder is there").count(), 1);
        digests.push(Sha256::of(&fs::read(&file).expect("the file is there")));
    }
    assert_eq!(digests[0], digests[1]);
}
