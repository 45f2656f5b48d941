//! The outer namespaces that every tool running apt or package code is put in: their only peer is the archive gateway.
//!
//! A confined command runs as the [`BuildUser`] in new user, network, PID, IPC, UTS and mount namespaces. It sees its
//! [`Scratch`] folder at a short fixed path, and 127.0.0.1 at [`RELAY_PORT`] leads to the gateway's unix socket; there is
//! nothing else to connect to. When the outer `unshare` dies, for whatever reason, all its processes die with it.

mod scratch;
#[cfg(test)]
mod tests;
mod user;

use std::ffi::OsString;

use debbuild_core::{
    command::{CommandError, CommandSpec},
    error::{Class, Classify},
    path::{AbsPath, FileError, PathError},
};
pub use scratch::{Scratch, reap, remove_tree};
use user::die_with_us;
pub use user::{BuildUser, SubIds};

/// The port on 127.0.0.1, inside the namespaces, that leads to the gateway.
pub const RELAY_PORT: u16 = 3142;

/// The status of a confined command whose namespaces could not be set up (its standard error says why).
pub const SETUP_FAILED: i32 = 125;

/// The name of the gateway's socket in a [`Scratch`] folder.
pub const SOCKET: &str = "gateway.sock";

/// How user ids look inside the outer user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mapping {
    /// The build user and its subordinate ids as they are outside: for tools that make their own inner namespaces
    /// (sbuild, mmdebstrap) and find themselves to be an ordinary user.
    #[default]
    Identity,
    /// The build user is root, its subordinate ids are 1 and up: for what sets up a file system itself.
    Root,
    /// There is no user namespace: root of the host, in the other namespaces. For tools that cannot do without it, where somebody asked
    /// for that.
    Host,
}

/// How a command is confined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Confinement {
    user: BuildUser,
    scratch: AbsPath,
    mapping: Mapping,
    gateway: bool,
    lasting: bool,
}

impl Confinement {
    /// Confines commands of this user to this scratch folder, with the gateway as their only peer.
    #[must_use]
    pub fn new(user: BuildUser, scratch: &AbsPath) -> Self {
        Self { user, scratch: scratch.clone(), mapping: Mapping::Identity, gateway: true, lasting: false }
    }

    /// With another view of user ids.
    #[must_use]
    pub fn with_mapping(mut self, mapping: Mapping) -> Self {
        self.mapping = mapping;
        self
    }

    /// With or without the relay to the gateway; without it there is nobody to talk to.
    #[must_use]
    pub fn with_gateway(mut self, gateway: bool) -> Self {
        self.gateway = gateway;
        self
    }

    /// Whether it goes on when the process that started it ends: not with [`Mapping::Host`].
    #[must_use]
    pub(crate) fn with_lasting(mut self, lasting: bool) -> Self {
        self.lasting = lasting;
        self
    }

    /// Where the scratch folder is seen inside. The host's path may lead through folders that mapped users cannot enter.
    #[must_use]
    pub fn inside(&self) -> &'static str {
        scratch::inside(&self.scratch)
    }

    /// The proxy for `http_proxy` and `Acquire::http::Proxy` inside.
    #[must_use]
    pub fn proxy() -> String {
        format!("http://127.0.0.1:{RELAY_PORT}")
    }

    /// The same command, confined. Environment, standard input, limits and terminal stay; a working directory is that of the host.
    ///
    /// Pure: the arguments alone say what happens, and no data is part of shell text.
    #[must_use]
    pub fn wrap(&self, mut spec: CommandSpec) -> CommandSpec {
        let host = self.mapping == Mapping::Host;
        let mut args = match self.mapping {
            Mapping::Host => die_with_us(),
            _ if self.lasting => self.user.become_lasting_args(),
            _ => self.user.become_args(),
        };
        args.push("unshare".to_owned());
        args.extend((!host).then(|| "--user".to_owned()));
        args.extend(["--net", "--pid", "--ipc", "--uts", "--mount"].map(str::to_owned));
        args.extend(["--fork", "--kill-child", "--mount-proc"].map(str::to_owned));
        args.extend(self.map_args());
        let relay = if self.gateway { RELAY_PORT.to_string() } else { String::new() };
        args.extend(
            ["--", "sh", "-c", SETUP, "confine", self.scratch.as_str(), self.inside(), &relay].map(str::to_owned),
        );
        let program = std::mem::replace(&mut spec.program, "setpriv".to_owned());
        let rest = std::mem::take(&mut spec.args);
        spec.args = args.into_iter().map(OsString::from).chain([program.into()]).chain(rest).collect();
        spec
    }

    fn map_args(&self) -> Vec<String> {
        let BuildUser { uid, gid, subuids, subgids, .. } = &self.user;
        let (SubIds { first: user, count: users }, SubIds { first: group, count: groups }) = (subuids, subgids);
        match self.mapping {
            Mapping::Identity => vec![
                "--keep-caps".to_owned(),
                format!("--map-user={uid}"),
                format!("--map-group={gid}"),
                format!("--map-users={user},{user},{users}"),
                format!("--map-groups={group},{group},{groups}"),
            ],
            Mapping::Host => Vec::new(),
            Mapping::Root => vec![
                "--map-user=0".to_owned(),
                "--map-group=0".to_owned(),
                format!("--map-users={user},1,{users}"),
                format!("--map-groups={group},1,{groups}"),
            ],
        }
    }
}

/// Runs as process 1 of the namespaces. Constant: data arrives only as its arguments, which are the scratch folder, its
/// path inside, the relay's port (or nothing), and the command.
///
/// The relay listens before the command starts: the new network namespace has no other socket in state `0A`, LISTEN.
/// The command is not exec'ed, because process 1 must reap orphans; when the shell ends, the kernel ends the rest.
const SETUP: &str = r#"
fail() { echo "confine: $1" >&2; exit 125; }
ip link set lo up || fail "cannot bring up the loopback interface"
mount --bind "$1" "$2" || fail "cannot mount the scratch folder"
if [ -n "$3" ]; then
    socat "TCP-LISTEN:$3,bind=127.0.0.1,reuseaddr,fork,backlog=128" "UNIX-CONNECT:$2/gateway.sock" </dev/null &
    tries=0
    until grep -qs " 0A " /proc/net/tcp; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || fail "the relay to the gateway does not listen"
        sleep 0.02
    done
fi
shift 3
"$@"
exit $?
"#;

/// Why a confined place could not be made or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfineError {
    /// The build user does not exist.
    #[error("no such user: {0}")]
    NoUser(String),
    /// The build user has no usable range of subordinate ids.
    #[error("user {user} has no {kind} of at least 65536 ids")]
    NoSubIds {
        /// The user.
        user: String,
        /// `subuid range` or `subgid range`.
        kind: &'static str,
    },
    /// A tool said something that cannot be understood.
    #[error("cannot read the answer of {tool}: {answer:?}")]
    Answer {
        /// The tool.
        tool: &'static str,
        /// What it said.
        answer: String,
    },
    /// A tool failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file or folder failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name cannot be part of a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Classify for ConfineError {
    fn class(&self) -> Class {
        match self {
            Self::Path(error) => error.class(),
            Self::Command(error) => error.class(),
            _ => Class::Infrastructure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUser(_) | Self::NoSubIds { .. } => {
                Some("debbuild doctor --fix creates the build user and its range of ids".to_owned())
            }
            Self::Command(error) => error.hint(),
            _ => None,
        }
    }
}
