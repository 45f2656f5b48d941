//! ISOs by mksquashfs, grub-mkimage, mtools and xorriso, with every time and id fixed.

use std::{
    fs::{self, File},
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_core::{
    blocking,
    clock::Timestamp,
    command::{CommandRunner, CommandSpec, OutputSink, Stdin, Tail, Tee},
    context::Context,
    digest::KeyHasher,
    path::{AbsPath, IoResultExt as _},
};

use super::{IsoBuilder, IsoError, IsoRequest, tree};
use crate::files;

/// Where Debian's grub packages keep their modules.
const GRUB: &str = "/usr/lib/grub";

/// The size of the FAT image with the UEFI loader, in bytes: that of a 2.88 MB floppy.
const EFI_BYTES: u64 = 2880 * 1024;

/// Makes ISOs for amd64 that start by BIOS and by UEFI, from discs and from sticks.
#[derive(Debug)]
pub struct XorrisoIsos {
    runner: Arc<dyn CommandRunner>,
}

impl XorrisoIsos {
    /// Makes ISOs with this runner.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>) -> Self {
        Self { runner }
    }

    async fn tool(&self, cx: &Context, spec: CommandSpec, log: &mut dyn OutputSink) -> Result<(), IsoError> {
        let mut tail = Tail::new(1000);
        let exit = self.runner.run(cx, &spec, &mut Tee(log, &mut tail)).await?;
        if exit.success() {
            return Ok(());
        }
        let text = tail.text();
        let lines: Vec<&str> = text.lines().collect();
        let reason = format!("{exit}: {}", lines[lines.len().saturating_sub(3)..].join("; "));
        Err(IsoError::Tool { tool: spec.program, reason })
    }

    /// Makes the boot images: one for BIOS on the medium, one for UEFI beside it.
    async fn boot_images(
        &self,
        cx: &Context,
        request: &IsoRequest,
        place: &Place,
        log: &mut dyn OutputSink,
    ) -> Result<(), IsoError> {
        let config = place.work.join("embedded.cfg");
        fs::write(&config, tree::embedded(request)).at("write", &config)?;
        let bios = place.tree.join("boot/grub/bios.img");
        let loader = place.work.join("bootx64.efi");
        self.tool(cx, mkimage("i386-pc-eltorito", "i386-pc", &config, &bios, &["biosdisk"]), log).await?;
        self.tool(cx, mkimage("x86_64-efi", "x86_64-efi", &config, &loader, &["all_video", "efi_gop"]), log).await?;
        let image = place.efi();
        File::create_new(&image).and_then(|file| file.set_len(EFI_BYTES)).at("create", &image)?;
        tree::clamp(&loader, request.epoch)?;
        for spec in fat(request, &image, &loader) {
            self.tool(cx, spec, log).await?;
        }
        Ok(())
    }

    async fn work(
        &self,
        cx: &Context,
        request: &IsoRequest,
        place: &Place,
        log: &mut dyn OutputSink,
    ) -> Result<(), IsoError> {
        let live = place.tree.join("live");
        for folder in [&live, &place.tree.join("boot/grub"), &place.tree.join(".disk")] {
            files::make_folder(folder)?;
        }
        let (asked, folder, cancel) = (request.clone(), live.clone(), cx.cancel().clone());
        blocking::run(move || tree::kernel(&asked, &folder, &cancel)).await?;
        self.tool(cx, squash(request, &live.join("filesystem.squashfs")), log).await?;
        self.boot_images(cx, request, place, log).await?;
        for (path, text) in
            [("boot/grub/grub.cfg", tree::menu(request)), (".disk/info", format!("{}\n", request.title))]
        {
            let path = place.tree.descend(path)?;
            fs::write(&path, text).at("write", &path)?;
        }
        let (folder, epoch) = (place.tree.clone(), request.epoch);
        blocking::run(move || {
            tree::checksums(&folder)?;
            tree::clamp(&folder, epoch)
        })
        .await?;
        self.tool(cx, xorriso(request, place), log).await
    }
}

/// The folders and files of one ISO in the making.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) work: AbsPath,
    pub(super) tree: AbsPath,
    pub(super) file: AbsPath,
}

impl Place {
    fn efi(&self) -> AbsPath {
        self.work.join("efi.img")
    }
}

fn epoch(spec: CommandSpec, at: Timestamp) -> CommandSpec {
    spec.with_env("SOURCE_DATE_EPOCH", at.seconds().to_string()).with_env("TZ", "UTC")
}

/// mksquashfs reads the tarball itself, so nothing is unpacked and no id is lost. It skips the tarball's `./` and gives the
/// root folder to whoever runs it: here that is always root, of a user namespace.
pub(super) fn squash(request: &IsoRequest, target: &AbsPath) -> CommandSpec {
    let level = request.compression.to_string();
    let spec = CommandSpec::new("unshare")
        .with_args(["--map-root-user", "--", "mksquashfs"])
        .with_args(["-", target.as_str(), "-tar", "-noappend", "-quiet", "-no-progress", "-root-mode", "0755"])
        .with_args(["-comp", "zstd", "-Xcompression-level", &level])
        .with_stdin(Stdin::File(request.rootfs.clone()));
    epoch(spec, request.epoch)
}

fn mkimage(format: &str, folder: &str, config: &AbsPath, target: &AbsPath, modules: &[&str]) -> CommandSpec {
    CommandSpec::new("grub-mkimage")
        .with_args(["-O", format, "-d", &format!("{GRUB}/{folder}"), "-c", config.as_str()])
        .with_args(["-p", "/boot/grub", "-o", target.as_str()])
        .with_args(tree::MODULES)
        .with_args(modules.iter().copied())
}

/// A FAT image with the loader at the path that firmware looks for. Its serial number comes from the volume id.
fn fat(request: &IsoRequest, image: &AbsPath, loader: &AbsPath) -> [CommandSpec; 3] {
    let mut key = KeyHasher::new("fat-serial");
    key.part("volume", &request.volume);
    let serial = key.finish().to_string()[..8].to_owned();
    let image = image.as_str();
    [
        CommandSpec::new("mformat").with_args(["-i", image, "-f", "2880", "-N", &serial, "::"]),
        CommandSpec::new("mmd").with_args(["-i", image, "::EFI", "::EFI/BOOT"]),
        CommandSpec::new("mcopy").with_args(["-m", "-i", image, loader.as_str(), "::EFI/BOOT/BOOTX64.EFI"]),
    ]
    .map(|spec| epoch(spec, request.epoch))
}

/// xorriso's command line. Pure.
pub(super) fn xorriso(request: &IsoRequest, place: &Place) -> CommandSpec {
    let date = format!("{}00", compact(request.epoch));
    let efi = place.efi();
    let spec = CommandSpec::new("xorriso")
        .with_args(["-as", "mkisofs", "-quiet", "-r", "-J", "-joliet-long", "-V", &request.volume])
        .with_arg(format!("--modification-date={date}"))
        .with_args(["--gpt_disk_guid", "modification-date", "--set_all_file_dates", &date])
        .with_args(["-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"])
        .with_args(["--grub2-boot-info", "--grub2-mbr", &format!("{GRUB}/i386-pc/boot_hybrid.img")])
        .with_args(["-c", "boot/grub/boot.cat", "-append_partition", "2", "0xef", efi.as_str()])
        .with_args(["-appended_part_as_gpt", "-partition_offset", "16", "-eltorito-alt-boot"])
        .with_args(["-e", "--interval:appended_partition_2:all::", "-no-emul-boot"])
        .with_args(["-o", place.file.as_str(), place.tree.as_str()]);
    epoch(spec, request.epoch)
}

/// `YYYYMMDDhhmmss`, UTC, as xorriso takes dates (it adds hundredths).
fn compact(at: Timestamp) -> String {
    let seconds = Timestamp::from_seconds(at.seconds());
    seconds.to_string().chars().filter(char::is_ascii_digit).collect()
}

#[async_trait]
impl IsoBuilder for XorrisoIsos {
    async fn build(
        &self,
        cx: &Context,
        request: &IsoRequest,
        log: &mut dyn OutputSink,
        file: &AbsPath,
    ) -> Result<(), IsoError> {
        let work = file.parent().child(&format!("{}.work", file.name()))?;
        let place = Place { tree: work.join("tree"), work, file: file.clone() };
        files::make_folder(&place.tree)?;
        let result = self.work(cx, request, &place, log).await;
        files::remove(&place.work)?;
        result
    }
}
