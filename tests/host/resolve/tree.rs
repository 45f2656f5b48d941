//! A throwaway apt: its own configuration, lists and status, so that what it says depends on nothing of this machine. Lists are
//! written as apt would have fetched them; there is no network.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
};
use debbuild_suite::debbuild::Sandbox;

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A stanza as an archive lists it.
pub(crate) fn stanza(name: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Nobody <nobody@example.org>\n{more}\
         Filename: pool/{name}_{version}_{architecture}.deb\nSize: 1\nSHA256: {SUM}\nDescription: {name}\n\n"
    )
}

/// The same as dpkg's status file has it.
pub(crate) fn installed(name: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nMaintainer: Nobody <nobody@example.org>\nArchitecture: {architecture}\n\
         Version: {version}\n{more}Description: {name}\n\n"
    )
}

/// A folder with all that apt reads and writes.
pub(crate) struct AptTree {
    folder: tempfile::TempDir,
    sources: String,
}

impl AptTree {
    /// An amd64 system that also takes i386, with nothing installed and without archives.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let tree = Self { folder, sources: String::new() };
        let top = tree.path("");
        let top = top.to_str().unwrap();
        for dir in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(tree.path(dir)).unwrap();
        }
        let options = format!(
            "Dir \"{top}\";\nDir::Etc \"{top}\";\nDir::Etc::sourcelist \"sources.list\";\nDir::Etc::sourceparts \"/dev/null\";\n\
             Dir::Etc::preferences \"preferences\";\nDir::Etc::preferencesparts \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n\
             Dir::State \"{top}\";\nDir::State::lists \"lists\";\nDir::State::status \"{top}/status\";\nDir::Cache \"{top}/cache\";\n\
             Dir::Log \"/dev/null\";\nAPT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; \"i386\"; }};\n\
             Debug::NoLocking \"true\";\nDpkg::Use-Pty \"false\";\nAPT::Sandbox::User \"root\";\n"
        );
        fs::write(tree.path("apt.conf"), options).unwrap();
        tree.write("status", "");
        tree.write("preferences", "");
        tree.write("sources.list", "");
        tree
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Adds a suite at an address without its scheme (`mirror.example/debian`, `/srv/apt`), whose Release has these fields.
    pub(crate) fn suite(&mut self, address: &str, suite: &str, fields: &str, components: &[&str]) {
        let scheme = if address.starts_with('/') { "file:" } else { "http://" };
        self.sources += &format!("deb [trusted=yes] {scheme}{address} {suite} {}\n", components.join(" "));
        self.write("sources.list", &self.sources);
        let release = format!(
            "{fields}Architectures: amd64 i386\nComponents: {}\nDate: Sat, 10 May 2025 09:16:05 UTC\n",
            components.join(" ")
        );
        self.write(&format!("lists/{}_dists_{suite}_Release", address.replace('/', "_")), &release);
    }

    /// The packages of a component of a suite that was added.
    pub(crate) fn packages(&self, address: &str, suite: &str, component: &str, architecture: &str, text: &str) {
        let address = address.replace('/', "_");
        self.write(&format!("lists/{address}_dists_{suite}_{component}_binary-{architecture}_Packages"), text);
    }

    /// Adds an archive without suites and without a Release file.
    pub(crate) fn flat(&mut self, address: &str, text: &str) {
        self.sources += &format!("deb [trusted=yes] http://{address}/ ./\n");
        self.write("sources.list", &self.sources);
        self.write(&format!("lists/{address}_._Packages"), text);
    }

    /// Puts debbuild into its folder of solvers, by debbuild's own hand.
    pub(crate) async fn add_solver(&self) {
        let user = Sandbox::new();
        let solvers = self.path("solvers");
        let solvers = solvers.to_str().unwrap();
        let ran = user.run(["resolve", "edsp", "--install", solvers]).await;
        assert_eq!((ran.status, ran.stdout), (0, format!("{solvers}/debbuild\n")), "{}", ran.stderr);
        let config = fs::read_to_string(self.path("apt.conf")).unwrap();
        self.write("apt.conf", &format!("{config}Dir::Bin::solvers \"{solvers}\";\n"));
        fs::create_dir(self.path("bin")).unwrap();
        symlink(user.command([""; 0]).program, self.path("bin/debbuild")).unwrap();
    }

    /// Runs a tool of apt, which finds debbuild where it was added: its status, and what it said on both.
    pub(crate) async fn apt(&self, program: &str, args: &[&str]) -> (bool, String, String) {
        let config = self.path("apt.conf");
        let spec = CommandSpec::new(program).with_args(["-c", config.to_str().unwrap()]).with_args(args);
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        let spec = spec.with_env("PATH", path).with_env("DEBBUILD_HOME", self.path("state").to_str().unwrap());
        let mut said = Capture::default();
        let exit = SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (exit.success(), text(&said.stdout), text(&said.stderr))
    }
}
