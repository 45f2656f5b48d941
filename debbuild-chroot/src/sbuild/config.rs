//! What sbuild is told: its version, its private configuration and its arguments, as pure functions of the request.

use std::ffi::OsString;

use debbuild_core::{
    build::{BuildOptions, BuildRequest, Network},
    name::FileName,
    path::AbsPath,
};

use super::BuilderError;

/// The version of an sbuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SbuildVersion(pub u32, pub u32, pub u32);

impl SbuildVersion {
    /// The oldest one that this library drives: bookworm's, the first with a dependable unshare mode.
    pub const OLDEST: Self = Self(0, 85, 0);

    /// Reads the first line of `sbuild --version`: `sbuild (Debian sbuild) 0.85.0 (04 January 2023)`.
    ///
    /// # Errors
    /// [`BuilderError::Version`] when it is something else, or too old.
    pub fn parse(text: &str) -> Result<Self, BuilderError> {
        let error = || BuilderError::Version(text.lines().next().unwrap_or_default().to_owned());
        let rest = text.strip_prefix("sbuild (Debian sbuild) ").ok_or_else(error)?;
        let word = rest.split_whitespace().next().ok_or_else(error)?;
        let mut numbers = word.split('.').map(|part| {
            let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            digits.parse::<u32>().map_err(|_| error())
        });
        let mut next = || numbers.next().unwrap_or(Ok(0));
        let version = Self(next()?, next()?, next()?);
        if version < Self::OLDEST { Err(error()) } else { Ok(version) }
    }

    /// Whether it can give the build the host's network (`--enable-network`).
    #[must_use]
    pub fn has_enable_network(self) -> bool {
        self >= Self(0, 85, 7)
    }

    /// Whether it would make a chroot by itself when it finds none or an old one.
    #[must_use]
    pub fn has_auto_create(self) -> bool {
        self >= Self(0, 87, 0)
    }
}

impl std::fmt::Display for SbuildVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The build path of every build: what newer sbuilds use by default, so that versions agree.
pub const BUILD_PATH: &str = "/build/reproducible-path";

/// The user that package code runs as inside the chroot, whoever runs sbuild.
pub const INNER_USER: &str = "sbuild";

/// Where things are, as sbuild sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The chroot's tarball.
    pub chroot: String,
    /// The .dsc.
    pub dsc: String,
    /// Where results go.
    pub out: String,
    /// Where chroots are unpacked.
    pub sessions: String,
    /// Local .debs.
    pub extra_packages: Vec<String>,
    /// The proxy for apt, `http://127.0.0.1:PORT`; none when there is no archive to talk to.
    pub proxy: Option<String>,
}

impl Layout {
    /// These places, with no local packages and no archive.
    #[must_use]
    pub fn new(
        chroot: impl Into<String>,
        dsc: impl Into<String>,
        out: impl Into<String>,
        sessions: impl Into<String>,
    ) -> Self {
        let (chroot, dsc, out, sessions) = (chroot.into(), dsc.into(), out.into(), sessions.into());
        Self { chroot, dsc, out, sessions, extra_packages: Vec::new(), proxy: None }
    }
}

/// Refuses what would mean something else to sbuild, dpkg or a shell than what it says.
///
/// # Errors
/// [`BuilderError::Option`].
pub fn check(request: &BuildRequest) -> Result<(), BuilderError> {
    let BuildOptions { profiles, build_options, environment, extra_packages, .. } = &request.options;
    let error = |kind, text: &str| BuilderError::Option { kind, text: text.to_owned() };
    let word = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
            && !text.starts_with('-')
    };
    if let Some(profile) = profiles.iter().find(|text| !word(text, b".-+")) {
        return Err(error("build profile", profile));
    }
    if let Some(option) = build_options.iter().find(|text| !word(text, b".-+=,_")) {
        return Err(error("word of DEB_BUILD_OPTIONS", option));
    }
    let name = |text: &str| word(text, b"_") && !text.starts_with(|c: char| c.is_ascii_digit());
    if let Some((key, _)) = environment.iter().find(|(key, value)| !name(key) || value.contains('\0')) {
        return Err(error("name or value of a variable", key));
    }
    let deb = |path: &AbsPath| path.name().parse::<FileName>().is_ok() && path.name().ends_with(".deb");
    if let Some(file) = extra_packages.iter().find(|path| !deb(path)) {
        return Err(error("name of a .deb", file.as_str()));
    }
    let dsc = &request.dsc;
    if dsc.name().parse::<FileName>().is_err() || !dsc.name().ends_with(".dsc") {
        return Err(error("name of a .dsc", dsc.as_str()));
    }
    Ok(())
}

/// The private configuration (sbuild.conf(5)), read through `SBUILD_CONFIG`. It decides everything that a user's or the host's file could decide.
#[must_use]
pub fn sbuildrc(version: SbuildVersion, layout: &Layout, options: &BuildOptions) -> String {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        text.push_str(&format!("${name} = {value};\n"));
    };
    set("chroot_mode", "'unshare'");
    set("unshare_tmpdir_template", &perl(&format!("{}/session.XXXXXXXXXX", layout.sessions)));
    set("unshare_bind_mounts", "[]");
    set("build_path", &perl(BUILD_PATH));
    set("build_user", &perl(INNER_USER));
    set("apt_clean", "0");
    set("apt_update", "1");
    set("apt_upgrade", "0");
    set("apt_distupgrade", "0");
    set("apt_allow_unauthenticated", "0");
    set("bd_uninstallable_explainer", "'none'");
    set("build_dep_resolver", "'apt'");
    set("clean_source", "0");
    set("run_lintian", "0");
    set("run_piuparts", "0");
    set("run_autopkgtest", "0");
    set("purge_build_deps", "'never'");
    set("purge_build_directory", "'never'");
    set("purge_session", if options.keep_failed { "'successful'" } else { "'always'" });
    set("nolog", "1");
    set("mailto", "''");
    set("key_id", "''");
    set("sbuild_mode", "'user'");
    // Limits on silence are ours: its own would end only the process group.
    set("stalled_pkg_timeout", "60*24*365");
    if version.has_auto_create() {
        set("unshare_mmdebstrap_auto_create", "0");
    }
    set("build_environment", &environment(options));
    set("external_commands", &format!("{{ 'chroot-setup-commands' => [{}] }}", perl(&apt_setup(layout))));
    // 0.85 runs parts of the build as a user named like the one outside: the name would be an input of the build.
    if version < SbuildVersion(0, 86, 0) {
        text.push_str(&format!("$conf->set('USERNAME', {});\n", perl(INNER_USER)));
    }
    text.push_str("1;\n");
    text
}

/// Tells apt in the chroot where the archives are, and that a dead one is an error. Data never reaches this shell text but a port.
fn apt_setup(layout: &Layout) -> String {
    let lines = ["APT::Update::Error-Mode \"any\";", "Acquire::http::Timeout \"300\";", "Acquire::Retries \"0\";"];
    let mut lines = lines.map(str::to_owned).to_vec();
    if let Some(proxy) = &layout.proxy {
        lines.push(format!("Acquire::http::Proxy \"{proxy}\";"));
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("'{line}'")).collect();
    // sbuild reads percent signs as escapes.
    format!("printf '%%s\\n' {} > /etc/apt/apt.conf.d/99debbuild-session", lines.join(" "))
}

fn environment(options: &BuildOptions) -> String {
    let mut pairs: Vec<String> =
        options.environment.iter().map(|(key, value)| format!("{} => {}", perl(key), perl(value))).collect();
    if !options.build_options.is_empty() {
        pairs.push(format!("'DEB_BUILD_OPTIONS' => {}", perl(&options.build_options.join(" "))));
    }
    format!("{{ {} }}", pairs.join(", "))
}

/// A single-quoted Perl string.
fn perl(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The arguments of sbuild(1).
#[must_use]
pub fn argv(
    version: SbuildVersion,
    suite: &str,
    architecture: &str,
    layout: &Layout,
    options: &BuildOptions,
) -> Vec<OsString> {
    let mut args = vec![
        format!("--dist={suite}"),
        format!("--build={architecture}"),
        format!("--host={architecture}"),
        format!("--chroot={}", layout.chroot),
        format!("--build-dir={}", layout.out),
        "--verbose".to_owned(),
        "--nolog".to_owned(),
        if options.arch_all { "--arch-all" } else { "--no-arch-all" }.to_owned(),
    ];
    if !options.profiles.is_empty() {
        args.push(format!("--profiles={}", options.profiles.join(",")));
    }
    args.extend(layout.extra_packages.iter().map(|file| format!("--extra-package={file}")));
    args.extend(options.add_depends.iter().map(|name| format!("--add-depends={name}")));
    if options.network == Network::On && version.has_enable_network() {
        args.push("--enable-network".to_owned());
    }
    args.push(layout.dsc.clone());
    args.into_iter().map(OsString::from).collect()
}
