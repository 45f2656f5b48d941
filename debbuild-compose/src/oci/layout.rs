//! Image layouts, written by us: blobs named by digest, and the three documents that point to them.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
};

use async_trait::async_trait;
use debbuild_core::{
    blocking,
    cancel::CancelToken,
    context::Context,
    digest::{HashingWriter, Sha256},
    path::{AbsPath, IoResultExt as _},
};
use flate2::{Compression, GzBuilder, write::GzEncoder};
use oci_spec::image::{
    Arch, ConfigBuilder, Descriptor, DescriptorBuilder, HistoryBuilder, ImageConfigurationBuilder, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, Os, PlatformBuilder, RootFsBuilder, Sha256Digest,
};
use serde::Serialize;

use super::{ImageBuilder, ImageRequest, OciError};
use crate::rootfs::tarball::{Writer, walk};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Writes image layouts without other tools.
#[derive(Debug, Clone, Copy, Default)]
pub struct LayoutBuilder;

#[async_trait]
impl ImageBuilder for LayoutBuilder {
    async fn build(&self, cx: &Context, request: &ImageRequest, layout: &AbsPath) -> Result<Sha256, OciError> {
        let (request, layout, cancel) = (request.clone(), layout.clone(), cx.cancel().clone());
        blocking::run(move || write(&request, &layout, &cancel)).await
    }
}

/// A blob that was written.
struct Blob {
    digest: Sha256,
    size: u64,
}

fn write(request: &ImageRequest, layout: &AbsPath, cancel: &CancelToken) -> Result<Sha256, OciError> {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).at("create", &blobs)?;
    let (layer, plain) = layer(request, &blobs, cancel)?;
    let config = document(&blobs, "configuration", &config(request, plain)?)?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(MediaType::ImageConfig, &config, "manifest")?)
        .layers(vec![descriptor(MediaType::ImageLayerGzip, &layer, "manifest")?])
        .build()
        .map_err(wrong("manifest"))?;
    let manifest = document(&blobs, "manifest", &manifest)?;
    let digest = manifest.digest;
    let (architecture, variant) = platform(request);
    let mut platform = PlatformBuilder::default().os(Os::Linux).architecture(architecture);
    if let Some(variant) = variant {
        platform = platform.variant(variant);
    }
    let named = DescriptorBuilder::default()
        .media_type(MediaType::ImageManifest)
        .digest(sha256(digest, "index")?)
        .size(manifest.size)
        .platform(platform.build().map_err(wrong("index"))?)
        .annotations([("org.opencontainers.image.ref.name".to_owned(), request.tag.clone())])
        .build()
        .map_err(wrong("index"))?;
    let index = ImageIndexBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageIndex)
        .manifests(vec![named])
        .build()
        .map_err(wrong("index"))?;
    let files =
        [("index.json", canonical("index", &index)?), ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    for (name, bytes) in files {
        let path = layout.join(name);
        fs::write(&path, bytes).at("write", &path)?;
    }
    Ok(digest)
}

/// Writes the layer; returns its blob and the digest of the tarball before compression (its diff id).
fn layer(request: &ImageRequest, blobs: &AbsPath, cancel: &CancelToken) -> Result<(Blob, Sha256), OciError> {
    let draft = blobs.join("layer.new");
    let file = BufWriter::new(File::create_new(&draft).at("create", &draft)?);
    let gzip: GzEncoder<_> = GzBuilder::new().mtime(0).write(HashingWriter::new(file), Compression::new(6));
    let mut writer = Writer::new(HashingWriter::new(gzip), request.epoch);
    walk(&request.rootfs, cancel, &mut |member, content, extensions| {
        // Runtimes make /dev themselves; unpacking devices needs root.
        let device = member.kind.is_block_special() || member.kind.is_character_special();
        if device || member.path.starts_with("dev/") {
            return Ok(());
        }
        writer.copy(member, content, extensions)
    })?;
    let (gzip, _, plain) = writer.finish()?.finish();
    let (mut file, size, digest) = gzip.finish().map_err(OciError::Layer)?.finish();
    file.flush().at("write", &draft)?;
    let path = blobs.child(&digest.to_string()).map_err(wrong("layer"))?;
    fs::rename(&draft, &path).at("rename to", &path)?;
    Ok((Blob { digest, size }, plain))
}

fn config(request: &ImageRequest, diff_id: Sha256) -> Result<impl Serialize + use<>, OciError> {
    let mut environment = request.environment.clone();
    environment.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
    let environment: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut run = ConfigBuilder::default().env(environment);
    if !request.entrypoint.is_empty() {
        run = run.entrypoint(request.entrypoint.clone());
    }
    if !request.command.is_empty() {
        run = run.cmd(request.command.clone());
    }
    if !request.labels.is_empty() {
        run = run.labels(request.labels.clone().into_iter().collect::<std::collections::HashMap<_, _>>());
    }
    let created = request.epoch.to_string();
    let history = HistoryBuilder::default()
        .created(created.clone())
        .created_by(request.history.clone())
        .build()
        .map_err(wrong("configuration"))?;
    let rootfs = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(vec![format!("sha256:{diff_id}")])
        .build()
        .map_err(wrong("configuration"))?;
    let (architecture, variant) = platform(request);
    let mut config = ImageConfigurationBuilder::default()
        .created(created)
        .architecture(architecture)
        .os(Os::Linux)
        .config(run.build().map_err(wrong("configuration"))?)
        .rootfs(rootfs)
        .history(vec![history]);
    if let Some(variant) = variant {
        config = config.variant(variant);
    }
    config.build().map_err(wrong("configuration"))
}

/// Go's name and variant of a Debian architecture.
fn platform(request: &ImageRequest) -> (Arch, Option<&'static str>) {
    match request.architecture.as_str() {
        "amd64" => (Arch::Amd64, None),
        "arm64" => (Arch::ARM64, Some("v8")),
        "armhf" => (Arch::ARM, Some("v7")),
        "armel" => (Arch::ARM, Some("v5")),
        "i386" => (Arch::i386, None),
        "loong64" => (Arch::LoongArch64, None),
        "mips64el" => (Arch::Mips64le, None),
        "ppc64el" => (Arch::PowerPC64le, None),
        "riscv64" => (Arch::RISCV64, None),
        "s390x" => (Arch::s390x, None),
        other => (Arch::Other(other.to_owned()), None),
    }
}

fn wrong<E: ToString>(document: &'static str) -> impl Fn(E) -> OciError {
    move |error| OciError::Document { document, message: error.to_string() }
}

fn sha256(digest: Sha256, document: &'static str) -> Result<Sha256Digest, OciError> {
    digest.to_string().parse().map_err(wrong(document))
}

fn descriptor(kind: MediaType, blob: &Blob, document: &'static str) -> Result<Descriptor, OciError> {
    Ok(Descriptor::new(kind, blob.size, sha256(blob.digest, document)?))
}

/// JSON with sorted keys: some of the specification's maps have no order of their own.
fn canonical(document: &'static str, value: &impl Serialize) -> Result<Vec<u8>, OciError> {
    let mut value = serde_json::to_value(value).map_err(wrong(document))?;
    value.sort_all_objects();
    serde_json::to_vec(&value).map_err(wrong(document))
}

fn document(blobs: &AbsPath, name: &'static str, value: &impl Serialize) -> Result<Blob, OciError> {
    let bytes = canonical(name, value)?;
    let blob = Blob { digest: Sha256::of(&bytes), size: bytes.len() as u64 };
    let path = blobs.child(&blob.digest.to_string()).map_err(wrong(name))?;
    fs::write(&path, bytes).at("write", &path)?;
    Ok(blob)
}
