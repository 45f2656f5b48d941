//! The test twin: a file that says what an ISO would be made of, with the kernel and the menu of a real one.

use std::fs;

use async_trait::async_trait;
use debbuild_core::{
    command::{OutputSink, Stream},
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

use super::{IsoBuilder, IsoError, IsoRequest, tree};
use crate::files;

/// Makes ISOs that no machine boots.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryIsos;

#[async_trait]
impl IsoBuilder for MemoryIsos {
    async fn build(
        &self,
        cx: &Context,
        request: &IsoRequest,
        log: &mut dyn OutputSink,
        file: &AbsPath,
    ) -> Result<(), IsoError> {
        let live = file.parent().child(&format!("{}.work", file.name()))?;
        files::make_folder(&live)?;
        let kernel = tree::kernel(request, &live, cx.cancel());
        files::remove(&live)?;
        kernel?;
        let rootfs = Sha256::of(&fs::read(&request.rootfs).at("read", &request.rootfs)?);
        let (volume, menu) = (&request.volume, tree::menu(request));
        let text = format!("{volume} {} {} {rootfs}\n{menu}", request.epoch, request.compression);
        fs::write(file, text).at("write", file)?;
        log.write(Stream::Stdout, b"made\n").at("log", file)?;
        Ok(())
    }
}
