"""What the engines are made of: packages of PyPI in environments of their own, archives of Maven, and Java.

All of it is kept in the checkout, where git ignores it, and fetched when it is first asked for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from filelock import FileLock

from tests.environments import CHECKOUT, python_with

HOME: Final = CHECKOUT / ".venv-engines"

ENVIRONMENTS: Final = {
    "spark": ("pyspark==4.1.*", "pyarrow>=18"),
    "s3": ("moto[server]==5.2.*",),
}
#: Spark's own way to fetch them (`spark.jars.packages`) has to know a repository by its address.
DELTA_JARS: Final = ("io.delta:delta-spark_4.1_2.13:4.4.0", "io.delta:delta-storage:4.4.0")
#: Later ones are not published as an archive.
TRINO: Final = "io.trino:trino-server:476:tar.gz"

#: Where Debian and Temurin keep Java.
_JAVA_FOLDERS: Final = Path("/usr/lib/jvm")


def python_of(name: str) -> Path:
    """The interpreter of an environment, made when it is first asked for.

    Raises:
        RuntimeError: pip cannot make it.
    """
    return python_with(HOME / name, ENVIRONMENTS[name])


def delta_jars() -> list[Path]:
    """The jars with which Spark reads and writes Delta."""
    return [_from_maven(jar, HOME / "jars") for jar in DELTA_JARS]


def trino_folder() -> Path:
    """Trino's server with the connector for Iceberg; the other connectors are dropped."""
    folder = HOME / "trino"
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / "trino.lock"):
        if not folder.is_dir():
            archive = _from_maven(TRINO, HOME / "downloads")
            unpacked = HOME / "unpacked"
            shutil.rmtree(unpacked, ignore_errors=True)
            # Files of the connectors are links to each other's: all have to be there at first.
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="tar")
            [server] = unpacked.iterdir()
            for plugin in (server / "plugin").iterdir():
                if plugin.name != "iceberg":
                    shutil.rmtree(plugin)
            server.rename(folder)
            shutil.rmtree(unpacked)
            # Maven keeps its own copy.
            archive.unlink()
    return folder


def java_home(oldest: int) -> Path:
    """The folder of a Java of this version or later: the oldest that does, as engines trail behind.

    Raises:
        RuntimeError: there is none in `JAVA_HOME`, on the path, or where Debian keeps them.
    """
    on_path = shutil.which("java")
    folders = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    folders += [Path(on_path).resolve().parents[1]] if on_path else []
    folders += sorted(_JAVA_FOLDERS.glob("*"))
    found = {folder: _java_version(folder) for folder in folders if (folder / "bin/java").exists()}
    fit = {folder: version for folder, version in found.items() if version >= oldest}
    if not fit:
        raise RuntimeError(
            f"Java {oldest} or later is needed and was not found: install it, or set JAVA_HOME to where it is"
        )
    return min(fit, key=lambda folder: fit[folder])


def _java_version(folder: Path) -> int:
    """The major version, by the file that every Java brings along."""
    release = folder / "release"
    lines = release.read_text(encoding="utf-8").splitlines() if release.exists() else []
    for line in lines:
        name, _, value = line.partition("=")
        if name == "JAVA_VERSION":
            return int(value.strip('"').split(".")[0].split("-")[0])
    return 0


def _from_maven(artifact: str, folder: Path) -> Path:
    """A file of Maven's, by `group:name:version[:type]`.

    Raises:
        RuntimeError: Maven is not installed, or cannot fetch it.
    """
    _, name, version, *kind = artifact.split(":")
    file = folder / f"{name}-{version}.{kind[0] if kind else 'jar'}"
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / "maven.lock"):
        if file.is_file():
            return file
        if shutil.which("mvn") is None:
            raise RuntimeError("mvn is not installed (Debian: apt-get install maven)")
        copy = ["mvn", "--batch-mode", "--quiet", "dependency:copy", f"-Dartifact={artifact}"]
        done = subprocess.run(
            [*copy, f"-DoutputDirectory={folder}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Maven cannot fetch {artifact}: {done.stdout.strip()[-2000:]}")
    return file
