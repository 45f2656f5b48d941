//! What `benches/gateway.sh` measures: a gateway over a folder, at a unix socket, until its standard input ends.

use std::{io::Read as _, sync::Arc};

use debbuild_chroot::gateway::{AllowedArchive, Gateway, GatewayOptions};
use debbuild_core::{
    acquire::fetch::{SchemeFetch, Uri},
    blob::FolderStore,
    blocking,
    context::Context,
    path::AbsPath,
};

/// `gateway_fixture FOLDER` serves `FOLDER/archive` as `/bench` at `FOLDER/gateway.sock`; what it keeps is below `FOLDER` too.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = AbsPath::new(std::env::args().nth(1).ok_or("usage: gateway_fixture FOLDER")?)?;
    let blobs = Arc::new(FolderStore::open(folder.join("blobs"))?);
    let gateway = Gateway::new(Arc::new(SchemeFetch::new()), blobs, &folder.join("gateway"))?;
    let archive = AllowedArchive::new("bench", Uri::of_file(&folder.join("archive")));
    let door = gateway.open(&Context::new(), &folder.join("gateway.sock"), GatewayOptions::new(vec![archive]))?;
    blocking::run(|| std::io::stdin().read_to_end(&mut Vec::new())).await?;
    drop(door.close().await);
    Ok(())
}
