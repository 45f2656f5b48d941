//! OCI images by digest, in an image layout (OCI image specification 1.1). Every document is checked against its digest.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read as _},
};

use debbuild_core::{
    arch::Architecture,
    cancel::CancelToken,
    compressed,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};
use serde::Deserialize;

use super::{ImportError, MOST, OciDigest};

/// The most bytes of a manifest or an index.
const DOCUMENT: u64 = 4 << 20;
/// How many indexes may lead to a manifest.
const DEPTH: usize = 4;

/// A manifest, or an index of manifests.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

/// The layout as a folder: itself, or what of an archive of one is needed, in the new folder `to`.
pub(super) fn folder(layout: &AbsPath, to: &AbsPath, cancel: &CancelToken) -> Result<AbsPath, ImportError> {
    if layout.as_std().is_dir() {
        return Ok(layout.clone());
    }
    let blobs = to.join("blobs/sha256");
    fs::create_dir_all(&blobs).at("create", &blobs)?;
    let file = BufReader::new(File::open(layout).at("open", layout)?);
    let plain = compressed::reader(file).map_err(ImportError::Read)?;
    // What ends too early is an error.
    let mut archive = tar::Archive::new(plain.take(MOST));
    for entry in archive.entries().map_err(ImportError::Read)? {
        cancel.check()?;
        let mut entry = entry.map_err(ImportError::Read)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = path.trim_start_matches("./").strip_prefix("blobs/sha256/");
        let Some(id) = name.and_then(|name| name.parse::<Sha256>().ok()) else { continue };
        if entry.header().entry_type().is_file() {
            let path = blob(to, id)?;
            let mut file = File::create(&path).at("create", &path)?;
            io::copy(&mut entry, &mut file).map_err(ImportError::Read)?;
        }
    }
    Ok(to.clone())
}

/// The file of a blob.
pub(super) fn blob(layout: &AbsPath, id: Sha256) -> Result<AbsPath, ImportError> {
    Ok(layout.join("blobs/sha256").child(&id.to_string())?)
}

/// The layers of an image, the lowest first; of an index the image for this architecture.
pub(super) fn layers(
    layout: &AbsPath,
    digest: Sha256,
    architecture: &Architecture,
) -> Result<Vec<Sha256>, ImportError> {
    let mut digest = digest;
    for _ in 0..DEPTH {
        let document = document(layout, digest)?;
        let bad = |reason: String| ImportError::Image { digest: format!("sha256:{digest}"), reason };
        if document.manifests.is_empty() {
            if document.layers.is_empty() {
                return Err(bad("it is no image: it has no layers".to_owned()));
            }
            return document.layers.iter().map(|layer| tar_layer(layer).map_err(bad)).collect();
        }
        let wanted = platform(architecture);
        let fits = |one: &&Descriptor| {
            one.platform.as_ref().is_some_and(|platform| platform.os == "linux" && platform.architecture == wanted)
        };
        let only = || document.manifests.first().filter(|_| document.manifests.len() == 1);
        let next = document.manifests.iter().find(fits).or_else(only);
        let next = next.ok_or_else(|| bad(format!("it has no image for {architecture}")))?;
        digest = next.digest.parse::<OciDigest>()?.0;
    }
    Err(ImportError::Image { digest: format!("sha256:{digest}"), reason: "indexes lead on and on".to_owned() })
}

/// The digest of a layer that is a tar archive.
fn tar_layer(layer: &Descriptor) -> Result<Sha256, String> {
    if !layer.media_type.contains("tar") {
        return Err(format!("it has a layer that is no tar archive: {:?}", layer.media_type));
    }
    layer.digest.parse::<OciDigest>().map(|digest| digest.0).map_err(|error| error.to_string())
}

fn document(layout: &AbsPath, digest: Sha256) -> Result<Document, ImportError> {
    let path = blob(layout, digest)?;
    let name = || format!("sha256:{digest}");
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ImportError::NoImage { layout: layout.clone(), digest: name() });
        }
        file => file.at("open", &path)?,
    };
    let mut bytes = Vec::new();
    file.take(DOCUMENT).read_to_end(&mut bytes).at("read", &path)?;
    let actual = Sha256::of(&bytes);
    if actual != digest {
        return Err(debbuild_core::blob::BlobError::Mismatch { expected: digest, actual }.into());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| ImportError::Image { digest: name(), reason: format!("it cannot be read: {error}") })
}

/// Go's name of a Debian architecture.
fn platform(architecture: &Architecture) -> &str {
    match architecture.as_str() {
        "armhf" | "armel" => "arm",
        "i386" => "386",
        "ppc64el" => "ppc64le",
        "mips64el" => "mips64le",
        other => other,
    }
}
