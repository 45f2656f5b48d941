//! Uploads as dpkg and gpg make them, taken by the command.

use std::{fs, sync::Arc};

use debbuild_core::{
    command::{CommandSpec, SystemRunner},
    path::AbsPath,
    sign::{GpgOptions, GpgSigner, Signer},
};
use debbuild_suite::debbuild::Sandbox;

use super::place::{Place, place, run};

impl Place {
    /// What `dpkg-buildpackage -S` leaves behind for a source: .dsc, .buildinfo and .changes, signed by somebody.
    async fn upload(&self, name: &str, incoming: &AbsPath, signer: &dyn Signer) -> AbsPath {
        let dsc = self.source(name).await.file;
        let tree = self.base.child(&format!("{name}-1.0")).unwrap();
        for tool in ["dpkg-genbuildinfo", "dpkg-genchanges"] {
            let ending = tool.strip_prefix("dpkg-gen").unwrap();
            let into = format!("-O../{name}_1.0_source.{ending}");
            let made = run(CommandSpec::new(tool).with_args(["--build=source", &into]).with_cwd(tree.clone())).await;
            assert_eq!(made.status, 0, "{}", made.stderr);
        }
        fs::create_dir_all(incoming).unwrap();
        for file in [format!("{name}_1.0.tar.xz"), format!("{name}_1.0_source.buildinfo"), dsc.name().to_owned()] {
            fs::copy(self.base.child(&file).unwrap(), incoming.child(&file).unwrap()).unwrap();
        }
        let changes = format!("{name}_1.0_source.changes");
        let text = fs::read(self.base.child(&changes).unwrap()).unwrap();
        let signed = incoming.child(&changes).unwrap();
        fs::write(&signed, signer.clear_sign(&self.cx, &text).await.unwrap()).unwrap();
        signed
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incoming_folder_is_taken_from_those_who_may_and_never_twice() {
    let place = place().await;
    let user = Sandbox::new();
    let dir = place.dir().to_string();
    let (incoming, keyring) = (place.base.join("incoming"), place.base.join("uploaders.gpg"));
    let stranger = GpgOptions::new(place.base.join("stranger"), AbsPath::new("/tmp").unwrap());
    let stranger = GpgSigner::new(Arc::new(SystemRunner), stranger);
    let hello = place.upload("hello", &incoming, &place.signer).await;
    place.upload("other", &incoming, &place.signer).await;
    place.upload("unknown", &incoming, &stranger).await;
    fs::write(incoming.join("notes.txt"), "not an upload").unwrap();
    fs::write(&keyring, place.signer.public_key(&place.cx).await.unwrap()).unwrap();
    let key = place.signer.fingerprint(&place.cx).await.unwrap();
    let rules = place.base.join("uploaders.toml");
    let rule = format!(
        "schema = 1\nwindow = \"2d\"\n[[uploader]]\nname = \"Ada\"\nkeys = [\"{key}\"]\nsources = [\"hello*\"]\nbinaries = false\n"
    );
    fs::write(&rules, rule).unwrap();
    assert_eq!(user.run(["repo", "init", &dir, "--suite", "stable"]).await.status, 0);

    let accept = async |file: &AbsPath| {
        let with = ["--uploaders", rules.as_str(), "--keyring", keyring.as_str(), "--remove", file.as_str()];
        user.run([&["repo", "accept", "--format", "json", &dir][..], &with].concat()).await
    };
    let copy = fs::read(&hello).unwrap();
    let taken = accept(&incoming).await;
    let json = taken.json();
    let told = |at: usize| (json[at]["accepted"].as_bool(), json[at]["class"].as_str(), json[at]["by"].as_str());
    assert_eq!(told(0), (Some(true), None, Some("Ada")), "{json}");
    assert_eq!(json[0]["packages"], serde_json::json!(["hello=1.0/source"]));
    assert_eq!(told(1), (Some(false), Some("not-allowed"), Some("Ada")));
    assert_eq!(told(2), (Some(false), Some("verification"), None));
    assert!(json[2]["reason"].as_str().unwrap().contains("a key that is not in the keyring"), "{json}");
    assert_eq!(taken.status, 4, "the class of the first that was refused");
    let mut left: Vec<String> =
        fs::read_dir(&incoming).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert!(left.iter().all(|name| !name.starts_with("hello")) && left.contains(&"notes.txt".to_owned()), "{left:?}");

    fs::write(&hello, copy).unwrap();
    let again = accept(&hello).await;
    assert_eq!((again.status, again.json()[0]["class"].as_str()), (5, Some("conflict")), "{again:?}");
    let log = user.run(["repo", "uploads", &dir, "hello"]).await;
    assert!(log.stdout.contains("accepted") && log.stdout.contains("the same upload was taken at"), "{log:?}");
    assert_eq!(user.run(["repo", "uploads", "--format", "json", &dir]).await.json().as_array().unwrap().len(), 4);
    let published = user.run(["repo", "publish", "--format", "json", &dir]).await;
    assert_eq!(published.json()[0]["packages"], 1, "{published:?}");
    fs::write(&rules, "schema = 9\n").unwrap();
    assert_eq!((accept(&hello).await.status, accept(&rules).await.status), (2, 2));
}
