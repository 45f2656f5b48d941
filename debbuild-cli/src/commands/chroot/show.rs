//! `debbuild chroot show`: what a chroot is, where it came from, who uses it, and what is in it.

use super::{Answer, Done, Door, IdArgs};
use crate::app::{ChrootDetail, chroot_detail_json, units::show_size};

pub(super) async fn show(door: &Door, args: &IdArgs) -> Answer {
    let detail = door.app.chroot_show(&door.cx, &args.id).await?;
    door.out.show(&chroot_detail_json(&detail), |_| text(&detail))?;
    Ok(Done::Well)
}

fn text(detail: &ChrootDetail) -> String {
    let (manifest, spec) = (&detail.chroot.manifest, &detail.chroot.manifest.spec);
    let mut text = format!(
        "id: {}\nsuite: {}\narchitecture: {}\nvariant: {}\nmade: {} by {} {}\nage: {} days\nused: {}\nnewest input: {}\n",
        manifest.id,
        spec.suite,
        spec.architecture,
        spec.variant,
        manifest.created,
        manifest.tool.0,
        manifest.tool.1,
        detail.age.as_secs() / (24 * 3600),
        detail.used,
        manifest.epoch,
    );
    let (tarball, size) = (&detail.chroot.tarball, show_size(manifest.tarball.size));
    text.push_str(&format!("tarball: {tarball}\nsize: {size}\npackages: {}\n", manifest.packages));
    for archive in &detail.lock.archives {
        text.push_str(&format!("archive: {} {} of {}\n", archive.uris.join(" "), archive.suite, archive.date));
    }
    for (name, priority) in spec.archives.iter().filter_map(|one| Some((&one.name, one.priority?))) {
        text.push_str(&format!("priority: {name} {priority}\n"));
    }
    text.extend(spec.environment.iter().map(|(name, value)| format!("variable: {name}={value}\n")));
    text.extend(spec.apt_options.iter().map(|(name, value)| format!("apt option: {name} {value}\n")));
    text.extend(spec.host.iter().map(|host| format!("host architecture: {host}\n")));
    text.extend(spec.parent.iter().map(|parent| format!("parent: {parent}\n")));
    text.extend(spec.remove.iter().map(|name| format!("taken away: {name}\n")));
    text.extend(spec.bootstrapper.iter().map(|tool| format!("bootstrapper: {tool}\n")));
    text.extend(spec.imported.iter().map(|from| format!("imported: {} sha256:{}\n", from.kind, from.sha256)));
    text.push_str(&format!("open sessions: {}\n", detail.sessions.len()));
    text.extend(detail.layers.iter().map(|layer| format!("layer over it: {layer}\n")));
    for package in &detail.packages {
        text.push_str(&format!("package: {} {} {}\n", package.name, package.version, package.architecture));
    }
    text
}
