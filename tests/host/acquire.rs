//! The archives that this host uses, read by us and by apt: the same bytes, and nothing that apt would refuse.

use std::{fs, sync::Arc, time::Duration};

use debbuild_core::{
    acquire::{
        Archive, ArchiveReader, Suite,
        fetch::{HttpOptions, MemoryFetch, SchemeFetch, Uri},
        fixture::ArchiveFixture,
        seen::FolderLastSeen,
        source::fetch_source,
        sources::{HostArchives, HostQuery, host_archives, vendors},
    },
    arch::Architecture,
    blob::FolderStore,
    clock::{FixedClock, Timestamp},
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    control::read_packages,
    digest::Sha256,
    error::{Class, Classify as _},
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::{GpgOptions, GpgSigner, Keyring, Signer as _, detect},
};
use debbuild_suite::pool::host_sources;

struct Place {
    _folder: tempfile::TempDir,
    base: AbsPath,
    runner: Arc<dyn CommandRunner>,
    cx: Context,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        for name in ["scratch", "sources", "apt"] {
            fs::create_dir(base.child(name).unwrap()).unwrap();
        }
        Self { _folder: folder, base, runner: Arc::new(SystemRunner), cx: Context::new() }
    }

    async fn reader(&self, fetch: Arc<dyn debbuild_core::acquire::fetch::Fetch>) -> ArchiveReader {
        let verifier = detect(&self.cx, Arc::clone(&self.runner), self.base.join("verify")).await.unwrap();
        let store = FolderStore::open(self.base.join("blobs")).unwrap();
        let seen = FolderLastSeen::open(self.base.join("seen")).unwrap();
        ArchiveReader::new(fetch, Arc::new(verifier), Arc::new(store), Arc::new(seen), self.base.join("scratch"))
    }

    async fn http_reader(&self) -> ArchiveReader {
        self.reader(Arc::new(SchemeFetch::with_http(HttpOptions::new()).unwrap())).await
    }
}

fn codename() -> SuiteName {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
    SuiteName::new(line.trim_matches('"')).unwrap()
}

async fn found(place: &Place, reader: &ArchiveReader) -> HostArchives {
    let owners = vendors(&fs::read_to_string("/etc/dpkg/origins/default").unwrap());
    let trusted = fs::read_dir("/etc/apt/trusted.gpg.d").unwrap().map(|e| AbsPath::new(e.unwrap().path()).unwrap());
    let query = HostQuery::new(codename(), owners, Keyring::Files(trusted.collect()));
    host_archives(&place.cx, reader, &host_sources().entries, &query).await.unwrap()
}

/// An apt of its own with only this archive, strict about expiry, whatever this machine's configuration says.
async fn apt(place: &Place, archive: &Archive) -> Vec<CommandSpec> {
    let base = place.base.join("apt");
    for folder in ["state/lists/partial", "cache/archives/partial", "etc"] {
        fs::create_dir_all(base.descend(folder).unwrap()).unwrap();
    }
    fs::write(base.join("state/status"), "").unwrap();
    let Keyring::Files(keys) = &archive.signed_by else { panic!("the host's keys are files") };
    let keys: Vec<&str> = keys.iter().map(AbsPath::as_str).collect();
    let entry = format!(
        "Types: deb deb-src\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {}\n",
        archive.uris[0].as_str(),
        archive.suite,
        keys.join(", ")
    );
    fs::write(base.join("etc/one.sources"), entry).unwrap();
    let config = format!(
        "Dir \"{base}\";\nDir::State \"state\";\nDir::State::status \"{base}/state/status\";\nDir::Cache \"cache\";\n\
         Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{base}/etc\";\nDir::Etc::Parts \"/dev/null\";\n\
         Acquire::GzipIndexes \"false\";\nAcquire::Languages \"none\";\nAPT::Update::Error-Mode \"any\";\n\
         Acquire::Check-Valid-Until \"true\";\nAcquire::Check-Date \"true\";\nAPT::Sandbox::User \"root\";\n"
    );
    fs::write(base.join("apt.conf"), config).unwrap();
    let get = || CommandSpec::new("apt-get").with_env("APT_CONFIG", format!("{base}/apt.conf"));
    let targets = ["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"];
    vec![
        get().with_args(["-q", "update"]),
        get().with_args(targets),
        get().with_args(["-q", "source", "--download-only", "hello"]).with_cwd(place.base.join("apt")),
    ]
}

#[tokio::test]
async fn the_hosts_archive_reads_as_apt_reads_it() {
    let place = Place::new();
    let reader = place.http_reader().await;
    let archives = found(&place, &reader).await.archives;
    assert_eq!(archives[0].suite, codename());
    let names: Vec<&str> = archives.iter().map(|archive| archive.name.as_str()).collect();
    assert!(names.iter().any(|name| name.ends_with("-security")), "{names:?}");

    let mut suites: Vec<Suite> = Vec::new();
    for archive in &archives {
        suites.push(reader.open(&place.cx, archive).await.unwrap());
    }
    let main = ComponentName::new("main").unwrap();
    let amd64 = Architecture::new("amd64").unwrap();
    let packages = suites[0].packages(&place.cx, &main, &amd64).await.unwrap();
    let (read, problems) = read_packages(std::str::from_utf8(&packages).unwrap());
    assert!(read.len() > 30_000, "{} packages", read.len());
    assert_eq!(problems, []);

    let commands = apt(&place, &archives[0]).await;
    place.runner.output(&place.cx, &commands[0]).await.unwrap();
    let file = String::from_utf8(place.runner.output(&place.cx, &commands[1]).await.unwrap()).unwrap();
    assert!(fs::read(file.trim()).unwrap() == packages, "apt has other bytes than we in {file}");

    let into = place.base.join("sources");
    let hello = fetch_source(&place.cx, &suites[..1], &"hello".parse().unwrap(), &into).await.unwrap();
    place.runner.output(&place.cx, &commands[2]).await.unwrap();
    assert!(hello.files.len() >= 3);
    for ours in &hello.files {
        let theirs = place.base.join("apt").child(ours.name()).unwrap();
        assert_eq!(Sha256::of(&fs::read(ours).unwrap()), Sha256::of(&fs::read(theirs).unwrap()), "{ours}");
    }
    replayed_elsewhere(&place, &suites[0], &packages).await;
}

/// What was read is enough for a replay on a machine without network.
async fn replayed_elsewhere(place: &Place, suite: &Suite, packages: &[u8]) {
    let offline = place.reader(Arc::new(MemoryFetch::new())).await;
    let later = place.cx.now().after(Duration::from_secs(3600));
    let cx = place.cx.clone().with_clock(Arc::new(FixedClock::new(later)));
    let replay = offline.replay(&cx, &suite.access(), place.cx.now()).await.unwrap();
    let (main, amd64) = (ComponentName::new("main").unwrap(), Architecture::new("amd64").unwrap());
    assert!(replay.packages(&cx, &main, &amd64).await.unwrap() == packages);
}

#[tokio::test]
async fn a_flipped_byte_of_a_real_archive_is_a_matter_of_verification() {
    let place = Place::new();
    let reader = place.http_reader().await;
    let archives = found(&place, &reader).await.archives;
    let updates = archives.iter().find(|archive| archive.name.ends_with("-updates")).unwrap();
    let suite = reader.open(&place.cx, updates).await.unwrap();
    let name = "main/binary-amd64/Packages.xz";
    let copy = place.base.join("copy");
    let dists = copy.join("dists").child(updates.suite.as_str()).unwrap();
    fs::create_dir_all(dists.join("main/binary-amd64")).unwrap();
    for file in ["InRelease", name] {
        let blob = suite.dists_file(&place.cx, file).await.unwrap();
        let bytes = suite.store().read(&place.cx, blob.id, None).await.unwrap();
        fs::write(dists.descend(file).unwrap(), bytes).unwrap();
    }
    let local = updates.clone().with_uris(vec![Uri::of_file(&copy)]);
    // A place of its own: what is stored already would not be fetched again.
    let other = Place::new();
    let offline = other.reader(Arc::new(SchemeFetch::new())).await;
    let flip = |file: &str, at: usize| {
        let path = dists.descend(file).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    for at in [100, 3000] {
        flip("InRelease", at);
        let error = offline.open(&other.cx, &local).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{error}");
        flip("InRelease", at);
    }
    let opened = offline.open(&other.cx, &local).await.unwrap();
    let (main, amd64) = (ComponentName::new("main").unwrap(), Architecture::new("amd64").unwrap());
    flip(name, 50);
    let error = opened.packages(&other.cx, &main, &amd64).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    flip(name, 50);
    opened.packages(&other.cx, &main, &amd64).await.unwrap();
}

#[tokio::test]
async fn really_signed_releases_that_are_old_or_expired_are_refused() {
    let place = Place::new();
    let options = GpgOptions::new(place.base.join("gpg"), AbsPath::new("/tmp").unwrap());
    let signer = Arc::new(GpgSigner::new(Arc::clone(&place.runner), options));
    let keys = Keyring::Bytes(signer.public_key(&place.cx).await.unwrap());
    let fetch = MemoryFetch::new();
    let reader = place.reader(Arc::new(fetch.clone())).await;
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let suite = SuiteName::new("test").unwrap();
    let archive = Archive::new("test", base.clone(), suite.clone(), keys);
    let fixture = ArchiveFixture::new(fetch, base, suite).with_signer(signer);
    let now = place.cx.now().seconds();
    let ago = |seconds: i64| Timestamp::from_seconds(now - seconds);

    for fixture in [fixture.clone(), fixture.with_detached_signature()] {
        fixture.publish(&place.cx, ago(1000), None).await.unwrap();
        reader.open(&place.cx, &archive).await.unwrap();
        fixture.publish(&place.cx, ago(1001), None).await.unwrap();
        let error = reader.open(&place.cx, &archive).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{error}");
        assert!(error.to_string().contains("older"), "{error}");
        fixture.publish(&place.cx, ago(900), Some(ago(10))).await.unwrap();
        let error = reader.open(&place.cx, &archive).await.unwrap_err();
        assert_eq!(error.class(), Class::Verification, "{error}");
        assert!(error.to_string().contains("expired"), "{error}");
        // The expired one was not remembered: an older, unexpired one is still good.
        fixture.publish(&place.cx, ago(1000), None).await.unwrap();
        reader.open(&place.cx, &archive).await.unwrap();
    }
}
