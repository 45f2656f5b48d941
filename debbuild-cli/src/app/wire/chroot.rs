//! Chroots.

use debbuild_chroot::{
    backend::LastingSession,
    limits::Usage,
    manager::{Chroot, ChrootDiff, Collected, FileChange, FileState, InstalledPackage, Updated},
};
use debbuild_core::{clock::Timestamp, command::Exit, error::Class};
use serde_json::{Value, json};

use super::deb::kind_name;
use crate::app::{ChrootDetail, Exported};

/// A chroot: what was asked for, when it was made, its size in bytes, and where its tar archive is.
#[must_use]
pub fn chroot_json(chroot: &Chroot) -> Value {
    let manifest = &chroot.manifest;
    let priorities = manifest.spec.archives.iter().filter_map(|one| Some((one.name.clone(), one.priority?.into())));
    json!({
        "id": manifest.id,
        "suite": manifest.spec.suite,
        "architecture": manifest.spec.architecture,
        "host": manifest.spec.host,
        "variant": manifest.spec.variant,
        "include": manifest.spec.include,
        "priorities": Value::Object(priorities.collect()),
        "environment": manifest.spec.environment,
        "apt_options": manifest.spec.apt_options,
        "parent": manifest.spec.parent,
        "remove": manifest.spec.remove,
        "imported": manifest.spec.imported,
        "bootstrapper": manifest.spec.bootstrapper,
        "created": manifest.created,
        "epoch": manifest.epoch,
        "packages": manifest.packages,
        "size": manifest.tarball.size,
        "sha256": manifest.tarball.sha256,
        "tarball": chroot.tarball.as_str(),
    })
}

/// A chroot, and when it was used last.
#[must_use]
pub fn chroot_used_json(chroot: &Chroot, used: Timestamp) -> Value {
    let mut value = chroot_json(chroot);
    value["used"] = json!(used);
    value
}

/// What became of a command in a session, and what it used: its end or the class of the failure, memory in bytes, processor time in
/// seconds, and what its limits were held by.
#[must_use]
pub fn session_run_json(ended: Result<Exit, Class>, usage: &Usage) -> Value {
    json!({
        "status": ended.ok().and_then(|exit| exit.status),
        "signal": ended.ok().and_then(|exit| exit.signal),
        "class": ended.err().map(Class::name),
        "peak_memory": usage.peak_memory,
        "cpu_time": usage.cpu_time.map(|time| time.as_secs_f64()),
        "limits_by": usage.limits_by,
    })
}

/// The chroots that go, each with its reason.
#[must_use]
pub fn collected_json(gone: &[Collected], dry_run: bool) -> Value {
    let one = |one: &Collected| json!({ "id": one.id.to_string(), "reason": one.reason.to_string(), "size": one.size, "used": one.used });
    json!({ "dry_run": dry_run, "chroots": gone.iter().map(one).collect::<Vec<_>>() })
}

/// A session that lasts, with its chroot and the names of its snapshots.
#[must_use]
pub fn session_json(session: &LastingSession) -> Value {
    json!({
        "id": session.id.to_string(),
        "chroot": session.chroot.to_string(),
        "since": session.since,
        "archives": session.archives,
        "snapshots": session.snapshots,
    })
}

/// A chroot with all that is known of it: its age in seconds, the chroots that are layers over it, the ids of its sessions that last,
/// what is installed in it, and its lock with every archive that it was made of.
#[must_use]
pub fn chroot_detail_json(detail: &ChrootDetail) -> Value {
    let layers: Vec<String> = detail.layers.iter().map(ToString::to_string).collect();
    json!({
        "chroot": chroot_used_json(&detail.chroot, detail.used),
        "age": detail.age.as_secs(),
        "layers": layers,
        "sessions": detail.sessions.iter().map(|session| session.id.to_string()).collect::<Vec<_>>(),
        "packages": packages_json(&detail.packages),
        "lock": detail.lock,
    })
}

fn packages_json(packages: &[InstalledPackage]) -> Vec<Value> {
    let one = |package: &InstalledPackage| {
        json!({
            "package": package.name,
            "version": package.version,
            "architecture": package.architecture,
            "sha256": package.sha256,
        })
    };
    packages.iter().map(one).collect()
}

/// A chroot's newest generation, and whether it differs from the one before.
#[must_use]
pub fn chroot_updated_json(updated: &Updated) -> Value {
    let mut value = chroot_json(&updated.chroot);
    value["changed"] = updated.changed.into();
    value
}

/// What differs between two chroots; `files` is null where nobody asked for them.
#[must_use]
pub fn chroot_diff_json(diff: &ChrootDiff) -> Value {
    let change = |change: &FileChange| {
        let [old, new] = [&change.old, &change.new].map(|state| state.as_ref().map(file_json));
        json!({ "path": change.path, "old": old, "new": new })
    };
    let files = diff.files.as_ref().map(|files| files.iter().map(change).collect::<Vec<Value>>());
    json!({ "removed": packages_json(&diff.removed), "added": packages_json(&diff.added), "files": files })
}

fn file_json(file: &FileState) -> Value {
    json!({
        "kind": kind_name(file.kind),
        "mode": format!("{:04o}", file.mode),
        "uid": file.uid,
        "gid": file.gid,
        "size": file.size,
        "sha256": file.sha256,
        "link": file.link,
    })
}

/// What a chroot was written as, and what it is imported by.
#[must_use]
pub fn chroot_exported_json(exported: &Exported) -> Value {
    json!({
        "id": exported.chroot.id.to_string(),
        "form": exported.form.name(),
        "path": exported.path.as_str(),
        "sha256": exported.sha256,
        "source": exported.source(),
    })
}

#[cfg(test)]
mod tests {
    use debbuild_core::build::LimitMeans;

    use super::*;

    #[test]
    fn a_run_says_how_it_ended_and_what_held_its_limits() {
        let mut usage = Usage::default();
        (usage.peak_memory, usage.limits_by) = (Some(4096), Some(LimitMeans::Cgroup));
        let value = session_run_json(Ok(Exit::with_status(3)), &usage);
        let said = json!({ "status": 3, "signal": null, "class": null, "peak_memory": 4096, "cpu_time": null, "limits_by": "cgroup" });
        assert_eq!(value, said);
        let killed = session_run_json(Err(Class::Memory), &Usage::default());
        assert_eq!(
            (&killed["class"], &killed["status"], &killed["limits_by"]),
            (&json!("memory"), &Value::Null, &Value::Null)
        );
    }
}
