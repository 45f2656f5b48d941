//! Source packages for tests: made from a `debian/` folder by dpkg-source in a scratch folder. Inputs are our own.

use std::{fs, os::unix::fs::PermissionsExt as _};

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    path::AbsPath,
};

/// A small native source package.
#[derive(Debug, Clone)]
pub struct TestSource {
    name: String,
    architecture: String,
    build_depends: String,
    build: String,
}

impl TestSource {
    /// A package of this name, architecture-independent, that builds by doing nothing.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let [architecture, build_depends, build] = ["all", "", "true"].map(str::to_owned);
        Self { name: name.to_owned(), architecture, build_depends, build }
    }

    /// For another architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// With build dependencies.
    #[must_use]
    pub fn with_build_depends(mut self, relations: &str) -> Self {
        relations.clone_into(&mut self.build_depends);
        self
    }

    /// With this command (one line of a makefile) in its build target.
    #[must_use]
    pub fn with_build(mut self, command: &str) -> Self {
        command.clone_into(&mut self.build);
        self
    }

    /// Makes the source package in `folder` and returns its .dsc.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn make(&self, folder: &AbsPath) -> AbsPath {
        let tree = folder.child(&format!("{}-1.0", self.name)).expect("a name");
        let debian = tree.join("debian");
        fs::create_dir_all(debian.join("source")).expect("a folder");
        let write = |name: &str, text: &str| fs::write(debian.descend(name).expect("a name"), text).expect("a file");
        write("control", &self.control());
        write("source/format", "3.0 (native)\n");
        write(
            "changelog",
            &format!(
                "{} (1.0) unstable; urgency=medium\n\n  * Test.\n\n -- Test <test@debbuild.example>  Sat, 01 Nov 2025 12:00:00 +0000\n",
                self.name
            ),
        );
        write("rules", &self.rules());
        fs::set_permissions(debian.join("rules"), fs::Permissions::from_mode(0o755)).expect("a mode");
        pack(&tree).await
    }

    fn control(&self) -> String {
        let depends = if self.build_depends.is_empty() {
            String::new()
        } else {
            format!("Build-Depends: {}\n", self.build_depends)
        };
        format!(
            "Source: {name}\nSection: misc\nPriority: optional\nMaintainer: Test <test@debbuild.example>\n{depends}Standards-Version: \
             4.6.2\nRules-Requires-Root: no\n\nPackage: {name}\nArchitecture: {architecture}\nDescription: test\n A test.\n",
            name = self.name,
            architecture = self.architecture,
        )
    }

    fn rules(&self) -> String {
        format!(
            "#!/usr/bin/make -f\nclean:\nbuild build-arch build-indep:\n\t{}\nbinary binary-arch binary-indep: build\n\tmkdir -p \
             debian/tmp/DEBIAN\n\tdpkg-gencontrol\n\tdpkg-deb --root-owner-group --build debian/tmp ..\n",
            self.build
        )
    }
}

/// Packs an unpacked source tree of our own and returns the .dsc beside it.
///
/// # Panics
/// When dpkg-source fails.
pub async fn pack(tree: &AbsPath) -> AbsPath {
    let spec = CommandSpec::new("dpkg-source").with_args(["--build", tree.as_str()]).with_cwd(tree.parent());
    SystemRunner.output(&Context::new(), &spec).await.expect("dpkg-source");
    let (source, version) = tree.name().rsplit_once('-').expect("NAME-VERSION");
    let dsc = tree.parent().child(&format!("{source}_{version}.dsc")).expect("a name");
    assert!(dsc.as_std().exists(), "{dsc}");
    dsc
}

/// Copies a tree of ours, for packing it elsewhere.
///
/// # Panics
/// When it cannot be copied.
pub fn copy_tree(from: &AbsPath, to: &AbsPath) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let (from, to) = (from.child(&name).expect("a name"), to.child(&name).expect("a name"));
        if from.as_std().is_dir() {
            copy_tree(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file");
        }
    }
}
