"""The native half of debbuild."""

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack, final

from .types import (
    Added,
    AptReply,
    ArtifactList,
    Buildability,
    BuildRecord,
    Changed,
    Changes,
    Check,
    Chroot,
    ChrootDetail,
    ChrootDiff,
    ChrootExport,
    ChrootsCollected,
    ChrootSession,
    Closure,
    Compose,
    DebFile,
    DebianControl,
    DebShow,
    Dependent,
    Dsc,
    Explanation,
    FetchedSource,
    Installability,
    Lock,
    LockDiff,
    OnEvent,
    Order,
    InstallOptions,
    PackagesFrom,
    Path,
    ProfileDetail,
    ProfileSummary,
    Rebuilt,
    Replayed,
    Report,
    RepositoryState,
    Run,
    Submitted,
    Swept,
    Tag,
    TagContent,
    TagHistory,
    TagList,
    Task,
    TaskEvent,
    TaskList,
    Upload,
    Worked,
)

__all__ = [
    "App",
    "Chroots",
    "Composes",
    "Deb",
    "Keys",
    "Queue",
    "Repository",
    "Tags",
    "Uploads",
    "Version",
    "Work",
    "__version__",
    "compare_versions",
    "paragraphs",
    "read_changes",
    "read_debian_control",
    "read_dsc",
]

__version__: str

@final
class Version:
    """A Debian version. Equal when the text is equal; ordered as dpkg orders."""

    def __new__(cls, text: str) -> Version: ...
    @property
    def epoch(self) -> int | None: ...
    @property
    def upstream(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    def compare(self, other: Version) -> Literal[-1, 0, 1]: ...
    def with_suffix(self, suffix: str) -> Version: ...
    def __lt__(self, other: Version, /) -> bool: ...
    def __le__(self, other: Version, /) -> bool: ...
    def __gt__(self, other: Version, /) -> bool: ...
    def __ge__(self, other: Version, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def compare_versions(a: str, b: str) -> Literal[-1, 0, 1]:
    """dpkg's order of two versions."""

def paragraphs(text: str) -> list[dict[str, str]]:
    """The paragraphs of a control file, fields in their order."""

def read_dsc(data: bytes) -> Dsc:
    """A source package as its .dsc describes it. The signature is not checked."""

def read_changes(data: bytes) -> Changes:
    """An upload as its .changes describes it. The signature is not checked."""

def read_debian_control(data: bytes) -> DebianControl:
    """A source package as its debian/control describes it, before substitution."""

@final
class Deb:
    """A .deb file. Nothing is unpacked or run."""

    def __new__(cls, path: Path) -> Deb: ...
    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def control(self) -> str:
        """The control file as it stands."""

    def show(self) -> DebShow:
        """What the control archive says."""

    def control_file(self, name: str) -> bytes | None:
        """A file of the control archive, as ``postinst`` or ``md5sums``; ``None`` where there is no such file."""

    def contents(self) -> list[DebFile]:
        """The files that it would install, in their order."""

@final
class Chroots:
    """The chroots of an ``App``. Methods that make one call ``on_event`` with the lines of its log."""

    def create(
        self,
        suite: str | None = None,
        *,
        profile: str | None = None,
        parent: str | None = None,
        architecture: str | None = None,
        host: str | None = None,
        variant: str | None = None,
        include: Sequence[str] | None = None,
        remove: Sequence[str] | None = None,
        bootstrapper: Literal["mmdebstrap", "debootstrap"] = "mmdebstrap",
        privileged: bool = False,
    ) -> Chroot:
        """Make a chroot of a suite, by a profile or on top of a parent, or find the one that was made before.

        Without ``architecture`` and ``variant`` it has the profile's, else this machine's and ``buildd``. With ``host``, another
        architecture, it is a cross chroot: packages of both are known in it, and as ``buildd`` it has compilers for ``host``.
        ``parent`` is the id of a chroot, whose archives and options it has; packages of the parent can be taken away
        (``remove``). ``privileged`` allows what needs real root (debootstrap): programs of the packages run as root of this
        machine then.
        """

    def install(
        self, id: str, packages: Sequence[str] | None = None, *, remove: Sequence[str] | None = None
    ) -> Chroot:
        """Make the chroot that is this one with packages on top, and without those taken away."""

    def export(self, id: str, to: Path, *, form: Literal["tar", "oci"] = "tar") -> ChrootExport:
        """Write a chroot to a new file (``tar``) or folder (``oci``, an image layout); ``source`` is what it is imported by."""

    def import_system(self, source: str, *, suite: str | None = None, architecture: str | None = None) -> Chroot:
        """Take a system from elsewhere: the path of a tar archive, or an OCI image by its digest.

        An image is ``oci:PATH@sha256:DIGEST`` (a layout, or an archive of one) or ``docker://NAME@sha256:DIGEST``. ``suite`` is
        by default what the system says of itself.
        """

    def create_locked(self, lock: Path, *, privileged: bool = False) -> Chroot:
        """Make the chroot of a lock file again, from exactly its files."""

    def list(self) -> builtins.list[Chroot]:
        """The chroots, newest first."""

    def show(self, id: str) -> ChrootDetail:
        """All that is known of a chroot; ``id`` is its id, or at least 12 digits of it."""

    def update(self, id: str, *, privileged: bool = False) -> dict[str, Any]:
        """Make a new generation from the archives as they are now; ``changed`` says whether it differs."""

    def diff(self, old: str, new: str, *, files: bool = False) -> ChrootDiff:
        """The packages that only one of two chroots has, and with ``files`` every file that is not the same in both."""

    def copy_out(self, id: str, path: str, into: Path) -> None:
        """Copy a file or folder of a chroot into a folder, which must exist."""

    def remove(self, id: str) -> dict[str, str]:
        """Remove a chroot."""

    def gc(
        self, *, unused_for: float | None = None, max_size: int | None = None, dry_run: bool = False
    ) -> ChrootsCollected:
        """Remove chroots that newer generations have replaced, and where that is given those that nobody used for so many
        seconds, and those that were used longest ago until the rest have at most so many bytes."""

    def run(
        self,
        id: str | None,
        command: Sequence[str],
        *,
        session: str | None = None,
        archives: bool = False,
        user: str | None = None,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        input: bytes | None = None,
        timeout: float | None = None,
        stalled: float | None = None,
        memory: int | None = None,
        processes: int | None = None,
        open_files: int | None = None,
        file_size: int | None = None,
        cpu_time: float | None = None,
        scratch_size: int | None = None,
        scratch_files: int | None = None,
        copy_in: Sequence[tuple[Path, str]] | None = None,
        copy_out: Sequence[tuple[str, Path]] | None = None,
    ) -> Run:
        """Run a command in a throw-away session of the chroot ``id``; its status is an answer, whatever it is.

        With ``None`` as ``id`` it runs in ``session``, which lasts and has its archives and limits from its beginning.
        ``archives`` lets it reach the chroot's archives, else it reaches nothing. ``copy_in`` are (file here, folder
        inside), ``copy_out`` (path inside, folder here). ``timeout`` and ``stalled`` (how long it may
        be silent) are in seconds, ``memory`` (of all processes together) and ``file_size`` in bytes, ``processes`` are of the
        command (without control groups: of one user), ``open_files`` and ``cpu_time`` (seconds) of one process. With ``scratch_size`` (bytes) and ``scratch_files`` all that the session writes
        is kept in memory, and no more of it. All output is kept in memory.
        """

    def begin(
        self,
        id: str,
        *,
        archives: bool = False,
        memory: int | None = None,
        processes: int | None = None,
        open_files: int | None = None,
        file_size: int | None = None,
        cpu_time: float | None = None,
        scratch_size: int | None = None,
        scratch_files: int | None = None,
    ) -> ChrootSession:
        """Begin a session of a chroot that lasts until it is ended, with archives and limits as ``run`` has them."""

    def sessions(self) -> builtins.list[ChrootSession]:
        """The sessions that last, oldest first."""

    def snapshot(self, session: str, name: str) -> ChrootSession:
        """Keep the files of a session that lasts as they are now; ``session`` is its id, or at least 12 digits of it."""

    def rollback(self, session: str, name: str) -> ChrootSession:
        """Make the files of a session that lasts as they were at a snapshot, which stays."""

    def end(self, session: str) -> dict[str, str]:
        """End a session that lasts, and remove what it left."""

@final
class Repository:
    """An APT repository. ``suite`` is needed where it has several."""

    @property
    def folder(self) -> str: ...
    @property
    def uploads(self) -> Uploads: ...
    def init(
        self,
        suite: str,
        *,
        components: Sequence[str] | None = None,
        architectures: Sequence[str] | None = None,
        codename: str | None = None,
        origin: str | None = None,
        label: str | None = None,
        description: str | None = None,
        valid_for: float | Literal["forever"] | None = None,
        version: str | None = None,
        changelogs: str | None = None,
        snapshots: str | None = None,
        signed_by: Sequence[str] | None = None,
        not_automatic: bool | None = None,
        but_automatic_upgrades: bool | None = None,
        formats: Sequence[Literal["plain", "gz", "xz", "zst"]] | None = None,
        contents: bool | None = None,
        translations: bool | None = None,
        pdiffs: int | Literal["none"] | None = None,
        keep: int | Literal["all"] | None = None,
        debug_suite: str | None = None,
    ) -> dict[str, Any]:
        """Make it, or a suite of it, or change the suite. ``valid_for`` is how long a publication is good, in seconds.

        ``snapshots`` keeps each state reachable by its time, for clients at this address with ``@SNAPSHOTID@`` in it; "none" ends it.
        ``pdiffs`` is how many patches of each index stay, by which clients come from earlier states.
        """

    def add(
        self,
        files: Sequence[Path],
        *,
        suite: str | None = None,
        component: str = "main",
        link: bool = False,
        contents: bool = True,
        keep: int | None = None,
        overrides: Path | None = None,
    ) -> builtins.list[Added]:
        """Stage .deb, .udeb, .dsc and .changes files, and folders with such.

        ``keep`` is how many versions of each package stay; ``overrides`` is a file as apt-ftparchive reads it.
        """

    def remove(self, packages: Sequence[str], *, suite: str | None = None) -> builtins.list[Added]:
        """Take packages (``NAME[=VERSION][/ARCHITECTURE]``) out of what is staged."""

    def publish(self, *, suite: str | None = None, to: str | None = None) -> builtins.list[RepositoryState]:
        """Publish what is staged as new signed states: of one suite, or of all.

        ``to`` brings another place, a bucket (``s3://BUCKET/PREFIX``) or a folder, to the states that are published already.
        """

    def list(
        self, packages: Sequence[str] | None = None, *, suite: str | None = None, state: int | None = None
    ) -> builtins.list[Added]:
        """The packages that are staged, or those of a state; of these names only where there are any, newest first."""

    def states(self, *, suite: str | None = None) -> builtins.list[RepositoryState]:
        """The states of a suite."""

    def diff(
        self, older: int | None = None, newer: int | None = None, *, suite: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """In which packages two states differ: by default the published one and what is staged."""

    def switch(self, state: int, *, suite: str | None = None) -> RepositoryState:
        """Publish the content of an earlier state again."""

    def verify(
        self,
        *,
        suite: str | None = None,
        keyrings: Sequence[Path] | None = None,
        repair: bool = False,
        from_: str | None = None,
        from_suite: str | None = None,
        from_keyrings: Sequence[Path] | None = None,
    ) -> Check:
        """Check a published suite as a client reads it; what is wrong is in the answer.

        With ``repair`` what is missing or damaged is put back first: indexes are made again, packages come from the stored
        bytes, or by their hash from the archive at ``from_``.
        """

    def check(self, *, suite: str | None = None) -> Check:
        """Check that everything the records name is in the pool."""

    def export_key(self, into: Path, *, suite: str | None = None, uri: str | None = None) -> dict[str, str]:
        """Write the public key and a .sources file for clients."""

    def mirror(
        self,
        suite: str,
        *,
        from_: str | None = None,
        keyrings: Sequence[Path] | None = None,
        into: str | None = None,
        components: Sequence[str] | None = None,
        architectures: Sequence[str] | None = None,
        filters: Sequence[str] | None = None,
        with_deps: bool = False,
        sources: bool = False,
        limit: int | None = None,
        copy: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Make a suite here hold what an archive has, and publish it signed by our own key.

        ``from_`` is the archive's address, by default the archives of this machine. ``filters`` are patterns as
        apt-patterns(7) has them; ``limit`` is the most bytes to fetch. With ``dry_run`` only say what it would hold.
        """

    def import_tree(
        self,
        from_: Path,
        suite: str,
        *,
        into: str | None = None,
        keyrings: Sequence[Path] | None = None,
        link: bool = False,
    ) -> dict[str, Any]:
        """Add a suite that reprepro, aptly or dpkg-scanpackages published on this machine, and publish it."""

    def retain(
        self,
        *,
        suite: str | None = None,
        last: int | None = None,
        seconds: int | None = None,
        names: Mapping[str, int] | None = None,
        forget: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Say which states of a suite stay, and return the rule: so many of the newest, those of so many seconds (0: no limit), names."""

    def gc(self, *, dry_run: bool = False, at: str | None = None) -> dict[str, Any]:
        """Remove the states that no rule keeps, and files that nothing needs; ``at`` is another place it was published to."""

    def keyring_package(
        self,
        into: Path,
        *,
        name: str,
        maintainer: str,
        suite: str | None = None,
        version: str | None = None,
        uri: str | None = None,
    ) -> str:
        """Build the package ``NAME-archive-keyring``; with ``uri`` it has a .sources file too. Returns its path."""

@final
class Uploads:
    """Signed uploads, taken into a repository."""

    def accept(
        self,
        files: Sequence[Path],
        *,
        uploaders: Path,
        keyrings: Sequence[Path],
        suite: str | None = None,
        component: str | None = None,
        remove: bool = False,
    ) -> builtins.list[Upload]:
        """Take .changes files, and those in folders, that the rules of ``uploaders`` allow; what became of each is in the answer.

        ``remove`` removes the files of those that were taken.
        """

    def list(self, sources: Sequence[str] | None = None) -> builtins.list[Upload]:
        """The uploads that were taken or refused, oldest first; of these sources only where there are any."""

@final
class Keys:
    """The keys that sign what is published."""

    def list(self) -> builtins.list[dict[str, Any]]:
        """Those that sign, and those that did."""

    def rotate(self) -> str:
        """Make one more key, which signs beside the others until they are retired; returns its fingerprint."""

    def retire(self, fingerprint: str) -> builtins.list[dict[str, Any]]:
        """Let a key sign no more."""

@final
class Queue:
    """The tasks of this state folder."""

    def submit(
        self,
        sources: Sequence[Path],
        *,
        suite: str | None = None,
        architecture: str | None = None,
        chroot: str | None = None,
        chroot_profile: str | None = None,
        priority: int = 0,
        after: Sequence[int] | None = None,
        in_order: bool = False,
        profiles: Sequence[str] | None = None,
        timeout: float | None = None,
        stalled: float | None = None,
        key: str | None = None,
    ) -> Submitted:
        """Submit builds of .dsc files or named source packages; the same ``key`` again submits nothing new."""

    def tasks(
        self,
        *,
        states: Sequence[str] | None = None,
        kind: str | None = None,
        label: str | None = None,
        request: int | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> TaskList:
        """Tasks, newest first; ``next`` is the ``after`` of the next page."""

    def task(self, task: int) -> Task:
        """A task with its attempts and builds."""

    def cancel(self, task: int, *, reason: str = "") -> Task:
        """Cancel a task: at once while it waits, else when its worker hears of it."""

    def retry(self, task: int) -> Task:
        """Do an ended task again, as a new task."""

    def explain(self, task: int) -> Explanation:
        """Why a task is where it is."""

    def set_priority(self, task: int, priority: int) -> Task:
        """Higher goes first; 0 is usual."""

    def watch(self, tasks: Sequence[int]) -> builtins.list[TaskEvent]:
        """Wait until tasks have ended; what happened to them, oldest first."""

    def log(self, task: int, *, attempt: int | None = None, offset: int = 0) -> bytes:
        """The log of an attempt as it is now, from a byte on; by default of the newest."""

    def fetch(self, task: int, into: Path, *, attempt: int | None = None) -> ArtifactList:
        """Write the files that an attempt left into a folder, by default those of the newest."""

    def workers(self) -> dict[str, Any]:
        """The workers."""

    def worker(self, name: str) -> dict[str, Any]:
        """A worker."""

    def drain(self, name: str) -> dict[str, Any]:
        """Give a worker nothing new."""

    def enable(self, name: str) -> dict[str, Any]:
        """Give a worker work again, also when it was in quarantine."""

    def run_worker(self, *, name: str = "local", slots: int = 1, until_idle: bool = True) -> Worked:
        """Work on this machine until there is nothing left that it could do, or else until Ctrl-C."""

@final
class Tags:
    """Named, versioned sets of builds."""

    def create(self, tag: str, *, parents: Sequence[str] | None = None) -> Tag:
        """Create a tag that inherits from others, the nearest first."""

    def list(self) -> TagList:
        """The tags."""

    def show(self, tag: str) -> TagContent:
        """What a tag offers, with what it inherits."""

    def add(self, tag: str, build: int, *, reason: str = "") -> Tag:
        """Add a build."""

    def remove(self, tag: str, build: int, *, reason: str = "") -> Tag:
        """Take a build out."""

    def inherit(self, tag: str, parents: Sequence[str]) -> Tag:
        """Set what a tag inherits from, the nearest first."""

    def block(self, tag: str, source: str) -> Tag:
        """Inherit a source package no longer."""

    def history(self, tag: str, *, after: int = 0, limit: int = 1000) -> TagHistory:
        """Every change of a tag."""

    def publish(self, tag: str, *, repository: Path, suite: str, component: str = "main") -> dict[str, Any]:
        """Publish what a tag offers as a suite, which then holds exactly that."""

@final
class Composes:
    """Distributions from blueprints."""

    def plan(self, blueprint: Path, *, locked: Path | None = None, only: Sequence[str] | None = None) -> dict[str, Any]:
        """What a compose would do; ``only`` are ``VARIANT`` or ``VARIANT/KIND``."""

    def run(
        self, blueprint: Path, *, locked: Path | None = None, only: Sequence[str] | None = None, jobs: int = 1
    ) -> dict[str, Any]:
        """Compose a blueprint; one that was killed is gone on with."""

    def list(self) -> builtins.list[Compose]:
        """The composes."""

    def show(self, compose: str) -> dict[str, Any]:
        """A compose, by id or ``latest-`` link, with its deliverables."""

    def why(self, compose: str, package: str) -> builtins.list[dict[str, Any]]:
        """Why a package is in a compose."""

@final
class Work:
    """Work that was started and not waited for: what ``debbuild.aio`` awaits."""

    def fileno(self) -> int:
        """A file that is readable when there is something to ``poll``."""

    def poll(self) -> bool:
        """Call ``on_event`` with what happened since; whether the work has ended."""

    def cancel(self) -> None:
        """Have it stop. It still has to end."""

    def result(self) -> Any:
        """What it came to, once, after its end; or its exception."""

@final
class App:
    """debbuild on this machine: the same settings, state and use cases as the command line.

    ``settings`` are single keys (``{"build.user": "builder"}``), above all files and variables. ``on_event`` is called
    with progress events, on the thread that called the method. Ctrl-C cancels the work before it is raised.
    For asyncio there is ``debbuild.aio.App``.
    """

    def __new__(
        cls,
        *,
        home: Path | None = None,
        config: Path | None = None,
        settings: Mapping[str, str] | None = None,
        on_event: OnEvent | None = None,
    ) -> App: ...
    def _awaited(self) -> App:
        """The same, whose methods, and those of all that it gives, start their work and return it as ``Work``."""

    @property
    def home(self) -> str: ...
    @property
    def chroots(self) -> Chroots: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def composes(self) -> Composes: ...
    def repository(self, folder: Path) -> Repository:
        """The repository in a folder, which need not exist before ``init``."""

    def settings(self) -> dict[str, Any]:
        """Every setting."""

    def origins(self) -> dict[str, str]:
        """Where each setting's value came from."""

    def profiles(self) -> builtins.list[ProfileSummary]:
        """The profiles that chroots are made by."""

    def profile(self, name: str, *, origins: bool = False) -> ProfileDetail:
        """A profile with all that it builds on: by its name, a file that has one (``FILE.toml``), or ``FILE.toml#NAME``."""

    def doctor(self) -> Report:
        """Is this machine ready?"""

    def source_fetch(self, source: str, *, suite: str, into: Path) -> FetchedSource:
        """Fetch a source package (``NAME`` or ``NAME=VERSION``) from the archives of this machine, verified."""

    def source_rebuild(
        self, dsc: Path, *, suite: str, name: str, maintainer: str, into: Path, number: int = 1
    ) -> Rebuilt:
        """Make a no-change rebuild a new source version (``VERSION+0NAME1``)."""

    def source_pack(self, tree: Path, *, suite: str, into: Path) -> Rebuilt:
        """Make a source package of an unpacked tree, inside a chroot."""

    def build(
        self,
        source: Path,
        *,
        suite: str | None = None,
        output: Path | None = None,
        architecture: str | None = None,
        chroot: str | None = None,
        chroot_profile: str | None = None,
        profiles: Sequence[str] | None = None,
        build_options: Sequence[str] | None = None,
        extra_packages: Sequence[Path] | None = None,
        arch_all: bool = True,
        network: bool = False,
        timeout: float | None = None,
        stalled: float | None = None,
        memory: int | None = None,
        disk: int | None = None,
    ) -> BuildRecord:
        """Build a .dsc or a named source package; a failed build is an answer with another ``outcome``.

        What keeps a build from being tried is an exception. The lines of its log are events. Times are in seconds,
        sizes in bytes.
        """

    def resolve_build_deps(
        self,
        source: Path,
        *,
        profiles: Sequence[str] | None = None,
        save_problem: Path | None = None,
        **places: Unpack[PackagesFrom],
    ) -> dict[str, Any]:
        """What would be installed to build a source package: a .dsc, or a name that is looked up where the packages are.

        With ``save_problem`` the problem is kept in that file, for ``resolve_replay``.
        """

    def resolve_install(
        self,
        packages: str | None = None,
        *,
        save_problem: Path | None = None,
        **options: Unpack[InstallOptions],
    ) -> dict[str, Any]:
        """What would be installed for packages (written as in Depends), or why they cannot be.

        With ``installed`` the answer is about a system: each package has its version there as ``installed``, and what must
        go is ``removed``.

        With ``save_problem`` the problem is kept in that file, for ``resolve_replay``.
        """

    def resolve_replay(self, file: Path) -> Replayed:
        """Ask a problem again that ``save_problem`` kept."""

    def resolve_edsp(self, scenario: str) -> AptReply:
        """Answer what apt asks a solver: the text of an EDSP scenario."""

    def install_edsp(self, folder: Path) -> str:
        """Put the solver for ``apt-get --solver debbuild`` into a folder of apt's solvers; its file."""

    def installability(self, *, explain: bool = False, **places: Unpack[PackagesFrom]) -> Installability:
        """Which packages cannot be installed; those of lookasides are not looked at.

        With ``explain`` each has the ``steps`` that are needed to see why, and no others.
        """

    def buildability(
        self, *, profiles: Sequence[str] | None = None, **places: Unpack[PackagesFrom]
    ) -> Buildability:
        """Which source packages cannot be built, as far as their build dependencies go."""

    def resolve_order(
        self,
        packages: Sequence[str] | None = None,
        *,
        profiles: Sequence[str] | None = None,
        arch_all: bool = True,
        from_zero: bool = False,
        have: Sequence[Path] | None = None,
        built: Sequence[str] | None = None,
        break_by: Sequence[str] | None = None,
        edges: int | None = None,
        **places: Unpack[PackagesFrom],
    ) -> Order:
        """In what order source packages (all, or these) must be built where only a base is there, or ``from_zero`` nothing.

        ``have`` are Packages files of what is there already, ``built`` source packages that need no build. Cycles are broken
        by the profiles of ``break_by`` first; their edges are listed where there are no more than ``edges``.
        """

    def resolve_closure(
        self,
        *,
        install: Literal["off", "lenient", "fatal"] = "lenient",
        build: Literal["off", "lenient", "fatal"] = "lenient",
        profiles: Sequence[str] | None = None,
        **places: Unpack[PackagesFrom],
    ) -> Closure:
        """Whether all that is in repositories can be installed and built, and what they need of lookasides.

        With ``fatal``, ``failed`` in the answer says that something cannot be.
        """

    def resolve_why(
        self,
        package: str,
        seeds: str | None = None,
        *,
        dot: bool = False,
        svg: bool = False,
        **options: Unpack[InstallOptions],
    ) -> dict[str, Any]:
        """Why a package would be installed for seeds (written as in Depends): every relation that needs it.

        ``chains`` lead from the question to it, the shortest first. With ``dot`` or ``svg`` the answer has a picture.
        """

    def resolve_why_not(
        self,
        packages: str,
        *,
        any_version: bool = False,
        limit: float = 10.0,
        save_problem: Path | None = None,
        dot: bool = False,
        svg: bool = False,
        **options: Unpack[InstallOptions],
    ) -> dict[str, Any]:
        """Why packages (written as in Depends) cannot be installed: no more ``steps`` than are needed to see it.

        What is not made minimal within ``limit`` seconds says so. With ``dot`` or ``svg`` the answer has a picture.
        """

    def resolve_rdeps(
        self,
        package: str,
        *,
        depth: int | None = 1,
        recommends: bool = False,
        suggests: bool = False,
        build_deps: bool = False,
        **places: Unpack[PackagesFrom],
    ) -> list[Dependent]:
        """Who needs a package, directly or to a depth (``None``: to the end).

        Source packages of files, folders and repositories count, and with ``build_deps`` those of the suite.
        """

    def resolve_diff(self, before: Path, after: Path) -> list[Changed]:
        """What differs between two answers that ``debbuild resolve install --format json`` wrote."""

    def lock_show(self, lock: Path) -> Lock:
        """A lock: of a file, or of a chroot by its id (12 digits or more of it)."""

    def lock_list(self, lock: Path, *, style: Literal["debrebuild", "apt", "sources"] = "debrebuild") -> list[str]:
        """The packages of a lock as other tools take them: as debrebuild or apt-get write them, or sha256 and path of each file."""

    def lock_diff(self, before: Path, after: Path) -> LockDiff:
        """What differs between two locks, each of a file or of a chroot: packages, archives, options and tools."""

    def lock_from_buildinfo(
        self,
        buildinfo: Path,
        *,
        suite: str | None = None,
        profile: str | None = None,
        include: Sequence[str] | None = None,
        output: Path | None = None,
    ) -> Lock:
        """The lock of a chroot that has exactly the packages that a build had, for ``Chroots.create_locked``.

        They are looked for in the archives of the suite or the profile; ``include`` are more, with all that they need. All that
        no archive has is named by the exception. With ``output`` the lock is also written to that file.
        """

    def verify_archive(
        self,
        uri: str,
        suite: str,
        *,
        keyrings: Sequence[Path] | None = None,
        architectures: Sequence[str] | None = None,
        indexes_only: bool = False,
    ) -> Check:
        """Check any archive, or what was published to a bucket, as a client reads it; what is wrong is in the answer."""

    def fsck(self, *, repair: bool = False) -> dict[str, Any]:
        """Check every stored byte, root, chroot and artifact; what is wrong is in the answer.

        With ``repair`` damaged bytes are set aside, what came from an archive is fetched again, and chroots are mended from
        the stored bytes or set aside.
        """

    def gc(
        self, *, dry_run: bool = False, gateway_unused_for: float | None = None, gateway_max_size: int | None = None
    ) -> Swept:
        """Remove stored bytes that nothing needs; ``gateway`` names the downloaded files that are let go.

        ``gateway_unused_for`` lets go what no request used for so many seconds, ``gateway_max_size`` what was used longest
        ago, until the rest have at most so many bytes.
        """
