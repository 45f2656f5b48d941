//! The test twin: the folder of a layout without a layer, whose digest is that of the request.

use std::fs;

use async_trait::async_trait;
use debbuild_core::{
    context::Context,
    digest::{KeyHasher, Sha256},
    path::{AbsPath, IoResultExt as _},
};

use super::{ImageBuilder, ImageRequest, OciError};

/// Makes images that nobody can run.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryImages;

#[async_trait]
impl ImageBuilder for MemoryImages {
    async fn build(&self, _cx: &Context, request: &ImageRequest, layout: &AbsPath) -> Result<Sha256, OciError> {
        let rootfs = fs::read(&request.rootfs).at("read", &request.rootfs)?;
        let mut key = KeyHasher::new("memory-image");
        key.part("rootfs", Sha256::of(&rootfs).as_bytes()).part("tag", &request.tag);
        key.part("request", format!("{:?} {:?} {:?}", request.entrypoint, request.command, request.labels));
        let digest = key.finish();
        fs::create_dir_all(layout).at("create", layout)?;
        for (name, text) in [("oci-layout", "{}".to_owned()), ("index.json", digest.to_string())] {
            let path = layout.join(name);
            fs::write(&path, text).at("write", &path)?;
        }
        Ok(digest)
    }
}
