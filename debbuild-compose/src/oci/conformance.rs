//! What every [`ImageBuilder`] must do, given a request that it can satisfy.

use std::fs;

use debbuild_core::{context::Context, path::AbsPath};

use super::{ImageBuilder, ImageRequest};

/// A layout is there, the same request gives the same digest and index, another command another digest.
///
/// # Panics
/// When the builder does not conform.
pub async fn images_are_reproducible(builder: &dyn ImageBuilder, request: &ImageRequest, scratch: &AbsPath) {
    let cx = Context::new();
    let other = request.clone().with_command(vec!["/bin/another".to_owned()]);
    let mut made = Vec::new();
    for (name, request) in [("one", request), ("two", request), ("three", &other)] {
        let layout = scratch.child(name).expect("a plain name");
        let digest = builder.build(&cx, request, &layout).await.expect("it builds");
        assert!(layout.join("oci-layout").as_std().exists());
        made.push((digest, fs::read(layout.join("index.json")).expect("the index is there")));
    }
    assert_eq!(made[0], made[1]);
    assert_ne!(made[0].0, made[2].0);
}
