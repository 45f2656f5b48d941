//! Both memories conform; the folder's survives its process and refuses to guess.

use std::fs;

use super::{FolderLastSeen, LastSeen as _, MemoryLastSeen, Seen, SeenError, conformance};
use crate::{acquire::fetch::Validators, clock::Timestamp, context::Context, digest::Sha256, path::AbsPath};

#[tokio::test]
async fn memory_conforms() {
    conformance::dates_only_go_forward(&MemoryLastSeen::new()).await;
}

#[tokio::test]
async fn folder_conforms_and_remembers() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let open = || FolderLastSeen::open(AbsPath::new(folder.path().join("seen")).unwrap()).unwrap();
    conformance::dates_only_go_forward(&open()).await;
    let (cx, key) = (Context::new(), Sha256::of(b"kept"));
    let seen = Seen::new(Timestamp::from_seconds(7), Vec::new(), Validators::default());
    open().advance(&cx, key, seen.clone()).await.unwrap();
    assert_eq!(open().get(&cx, key).await.unwrap(), Some(seen.clone()));

    let path = folder.path().join("seen").join(key.to_string());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "{}").unwrap();
    assert!(matches!(open().get(&cx, key).await, Err(SeenError::Damaged(_))));
    assert!(matches!(open().advance(&cx, key, seen).await, Err(SeenError::Damaged(_))));
}
