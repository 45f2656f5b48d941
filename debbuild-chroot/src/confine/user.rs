//! Who confined commands run as: the build user where debbuild was started as root, else the user who started it.

use debbuild_core::{
    command::{Capture, CommandRunner, CommandSpec},
    context::Context,
    path::AbsPath,
};

use super::ConfineError;

/// A range of subordinate ids, as subuid(5) and subgid(5) have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubIds {
    /// The first id.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

/// How many subordinate ids a Debian system needs inside.
const NEEDED: u32 = 65_536;

/// The user that confined commands run as.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildUser {
    /// Its name.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its home folder; confined commands do not write there.
    pub home: AbsPath,
    /// Its subordinate user ids.
    pub subuids: SubIds,
    /// Its subordinate group ids.
    pub subgids: SubIds,
    /// Whether debbuild runs as root and has to become this user.
    pub switch: bool,
}

impl BuildUser {
    /// Finds the user: `configured` (`build.user`) when this process is root, else the user of this process.
    ///
    /// # Errors
    /// [`ConfineError::NoUser`] and [`ConfineError::NoSubIds`] when the machine is not prepared.
    pub async fn detect(cx: &Context, runner: &dyn CommandRunner, configured: &str) -> Result<Self, ConfineError> {
        let own = rustix::process::geteuid();
        if own.is_root() {
            Self::named(cx, runner, configured, true).await
        } else {
            Self::named(cx, runner, &own.as_raw().to_string(), false).await
        }
    }

    /// Looks a user up by name or number, through the host's own databases (getent(1), getsubids(1)).
    ///
    /// # Errors
    /// [`ConfineError`].
    pub async fn named(
        cx: &Context,
        runner: &dyn CommandRunner,
        user: &str,
        switch: bool,
    ) -> Result<Self, ConfineError> {
        let missing = || ConfineError::NoUser(user.to_owned());
        let line = ask(cx, runner, CommandSpec::new("getent").with_args(["passwd", "--", user])).await?;
        let line = line.ok_or_else(missing)?;
        let fields: Vec<&str> = line.trim_end().split(':').collect();
        let answer = || ConfineError::Answer { tool: "getent", answer: line.clone() };
        let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return Err(answer()) };
        let id = |text: &str| text.parse::<u32>().map_err(|_| answer());
        Ok(Self {
            name: (*name).to_owned(),
            uid: id(uid)?,
            gid: id(gid)?,
            home: AbsPath::new(home)?,
            subuids: subids(cx, runner, name, "subuid range").await?,
            subgids: subids(cx, runner, name, "subgid range").await?,
            switch,
        })
    }

    /// The arguments of setpriv(1), up to and with `--`: become the user if needed, and die with the process that started us.
    pub(crate) fn become_args(&self) -> Vec<String> {
        self.become_then(die_with_us())
    }

    /// The same, but without dying with who started us.
    pub(super) fn become_lasting_args(&self) -> Vec<String> {
        self.become_then(["--pdeathsig", "clear", "--"].map(str::to_owned).to_vec())
    }

    fn become_then(&self, rest: Vec<String>) -> Vec<String> {
        let mut args = Vec::new();
        if self.switch {
            args.extend([
                format!("--reuid={}", self.uid),
                format!("--regid={}", self.gid),
                "--clear-groups".to_owned(),
            ]);
        }
        args.extend(rest);
        args
    }
}

/// The last arguments of setpriv(1): die with the process that started us.
pub(super) fn die_with_us() -> Vec<String> {
    ["--pdeathsig", "KILL", "--"].map(str::to_owned).to_vec()
}

async fn subids(
    cx: &Context,
    runner: &dyn CommandRunner,
    user: &str,
    kind: &'static str,
) -> Result<SubIds, ConfineError> {
    let mut spec = CommandSpec::new("getsubids");
    if kind == "subgid range" {
        spec = spec.with_arg("-g");
    }
    let text = ask(cx, runner, spec.with_arg(user)).await?.unwrap_or_default();
    text.lines()
        .filter_map(range)
        .find(|ids| ids.count >= NEEDED)
        .ok_or_else(|| ConfineError::NoSubIds { user: user.to_owned(), kind })
}

/// A line of getsubids(1): `0: user 100000 65536`.
fn range(line: &str) -> Option<SubIds> {
    let mut words = line.split_whitespace().rev();
    let count = words.next()?.parse().ok()?;
    let first = words.next()?.parse().ok()?;
    Some(SubIds { first, count })
}

/// The standard output of a query; `None` when it ended with another status than 0.
async fn ask(cx: &Context, runner: &dyn CommandRunner, spec: CommandSpec) -> Result<Option<String>, ConfineError> {
    let mut out = Capture::default();
    let exit = runner.run(cx, &spec, &mut out).await?;
    Ok(exit.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned()))
}
