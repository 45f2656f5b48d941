//! Menus, kernels and command lines.

use debbuild_core::cancel::CancelToken;

use super::*;
use crate::rootfs::tarball;

const EPOCH: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn request(base: &AbsPath, kernels: &[&str]) -> IsoRequest {
    let rootfs = base.join("rootfs.tar");
    let mut writer = tarball::Writer::new(tarball::create(&rootfs).unwrap(), EPOCH);
    writer.folder("boot").unwrap();
    for kernel in kernels {
        writer.file(&format!("boot/initrd.img-{kernel}"), format!("i{kernel}").as_bytes()).unwrap();
        writer.file(&format!("boot/vmlinuz-{kernel}"), format!("k{kernel}").as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner().unwrap();
    IsoRequest::new(rootfs, "MY_ISO", EPOCH).with_title("It's \\ mine").with_arguments(["console=ttyS0".to_owned()])
}

#[test]
fn the_newest_kernel_is_taken_and_none_is_an_error() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let asked = request(&base, &["6.1.0-9-amd64", "6.1.0-10-amd64"]);
    tree::kernel(&asked, &base, &CancelToken::new()).unwrap();
    assert_eq!(std::fs::read(base.join("vmlinuz")).unwrap(), b"k6.1.0-10-amd64");
    assert_eq!(std::fs::read(base.join("initrd.img")).unwrap(), b"i6.1.0-10-amd64");
    std::fs::remove_file(&asked.rootfs).unwrap();
    let error = tree::kernel(&request(&base, &[]), &base, &CancelToken::new()).unwrap_err();
    assert!(error.to_string().starts_with("no kernel"), "{error}");
}

#[test]
fn menus_take_no_text_for_commands() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let asked = request(&AbsPath::new(folder.path()).unwrap(), &["1"]);
    let menu = tree::menu(&asked);
    assert!(menu.contains("menuentry 'Its  mine' {\n  linux /live/vmlinuz boot=live console=ttyS0\n"), "{menu}");
    assert!(tree::embedded(&asked).starts_with("search --no-floppy --set=root --label MY_ISO\n"));
}

#[test]
fn xorriso_fixes_every_time_and_id() {
    let path = |text| AbsPath::new(text).unwrap();
    let place = xorriso::Place { work: path("/w"), tree: path("/w/tree"), file: path("/o/a.iso") };
    let spec = xorriso::xorriso(&IsoRequest::new(path("/r.tar"), "V", EPOCH), &place);
    let line = spec.to_string();
    for part in
        ["--modification-date=2023111422132000", "--gpt_disk_guid modification-date", "-V V ", "2 0xef /w/efi.img"]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(line.ends_with(" -o /o/a.iso /w/tree"));
    assert_eq!(spec.env["SOURCE_DATE_EPOCH"], "1700000000");
}

#[test]
fn whoever_runs_it_the_squashfs_is_roots() {
    let path = |text| AbsPath::new(text).unwrap();
    let line = xorriso::squash(&IsoRequest::new(path("/r.tar"), "V", EPOCH), &path("/w/s")).to_string();
    assert!(line.starts_with("unshare --map-root-user -- mksquashfs - /w/s -tar "), "{line}");
    assert!(line.contains(" -root-mode 0755 "), "{line}");
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_memory_twin_conforms() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    conformance::isos_are_reproducible(&MemoryIsos, &request(&base, &["6.1"]), &base).await;
}
