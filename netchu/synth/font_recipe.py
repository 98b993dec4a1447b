"""A folder of free fonts for the asking: fetched by npm and apt-get, put together, weighed and their licences noted.

`fonts.tsv` in this package lists what there is: handwriting, brush, print and typewriter faces by language.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from netchu.alphabets import ALPHABETS
from netchu.errors import NetchuError
from netchu.synth.font_merge import join_subsets

WEIGHTS, LICENCES = "fonts.tsv", "licences.tsv"  # written beside the fonts
_SCRIPTS = ("latin", "latin-ext", "vietnamese", "cyrillic", "cyrillic-ext", "greek", "greek-ext")
_HAN = {"ja": "japanese", "zh": "chinese-simplified"}
_PATIENCE = 600  # seconds for one package


@dataclass(frozen=True)
class Face:
    """One row of the recipe: a font file, where it comes from and what it is good for."""

    name: str  # the file's name without suffix; ends in -WEIGHT for npm
    source: str  # "npm" or "deb"
    package: str
    languages: tuple[str, ...]
    kind: str  # handwriting, brush, print or typewriter
    weight: float  # how often it is drawn, against 1
    licence: str


@dataclass(frozen=True)
class Installed:
    """What install_fonts did: files made, files that were there, and (package, reason) of what could not be had."""

    installed: int
    present: int
    failed: tuple[tuple[str, str], ...]


@functools.lru_cache(maxsize=1)
def recipe() -> tuple[Face, ...]:
    """All faces that can be installed."""
    text = (resources.files("netchu") / "synth" / "fonts.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:] if line]
    return tuple(
        Face(name, source, package, tuple(languages.split(",")), kind, float(weight), licence)
        for name, source, package, languages, kind, weight, licence in rows
    )


def install_fonts(
    folder: str | os.PathLike[str],
    languages: Iterable[str] = (),
    progress: Callable[[str], None] | None = None,
    kinds: Iterable[str] = (),
) -> Installed:
    """Fetch the recipe's faces of the `languages` and `kinds` (none given: all) into `folder`.

    What is there already is kept, a package that cannot be had is listed and does not stop the rest, no file is ever
    half written. `fonts.tsv` and `licences.tsv` beside the fonts are brought up to date. `progress` is called with
    a line of text before each package. NetchuError for a language or kind that no face has and for a
    folder that cannot be written.
    """
    faces = _chosen(tuple(languages), tuple(kinds))
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        have = {path.stem for path in root.iterdir()}
        wanted: dict[tuple[str, str], list[Face]] = {}
        for face in faces:
            if face.name not in have:
                wanted.setdefault((face.source, face.package), []).append(face)
        installed = 0
        failed: list[tuple[str, str]] = []
        for number, ((source, package), members) in enumerate(wanted.items(), 1):
            if progress:
                progress(f"{number}/{len(wanted)} {package}")
            try:
                done = _fetch(source, package, members, root)
                _note(root, done)
                installed += len(done)
                lost = sorted({face.name for face in members} - {path.stem for _, path, _ in done})
                failed += [(package, f"holds no {name}") for name in lost]
            except (NetchuError, subprocess.SubprocessError, tarfile.TarError, ValueError, KeyError) as error:
                failed.append((package, " ".join(str(error).split())[:200]))
    except OSError as error:
        raise NetchuError(f"{root}: fonts cannot be written there ({error.strerror or error})") from error
    return Installed(installed, sum(face.name in have for face in faces), tuple(failed))


def _chosen(languages: Sequence[str], kinds: Sequence[str]) -> list[Face]:
    listed = {language for face in recipe() for language in face.languages}
    known = sorted(listed | set(ALPHABETS))
    odd = [language for language in languages if language not in known]
    if odd:
        raise NetchuError(f"no fonts are listed for language {odd[0]!r}; there are some for: {', '.join(known)}")
    wanted = {language if language in listed else "latin" for language in languages} or listed
    faces = [face for face in recipe() if wanted & set(face.languages) and (not kinds or face.kind in kinds)]
    if not faces:
        every = ", ".join(sorted({face.kind for face in recipe()}))
        raise NetchuError(f"no fonts of kind {', '.join(kinds)!r} are listed for these languages; kinds: {every}")
    return faces


Done = list[tuple[Face, Path, str]]  # a face, its file and the version of the package it came from


def _fetch(source: str, package: str, faces: Sequence[Face], root: Path) -> Done:
    """Download one package and put its faces into `root`."""
    with tempfile.TemporaryDirectory(prefix=".part-", dir=root) as name:
        part = Path(name)
        done = []
        for face, made, version in (_npm if source == "npm" else _deb)(package, faces, part):
            target = root / made.name
            made.replace(target)
            done.append((face, target, version))
        return done


def _run(command: Sequence[str], folder: Path) -> str:
    """What `command` prints; NetchuError with its last line of complaint."""
    program = shutil.which(command[0])
    if program is None:
        raise NetchuError(f"{command[0]} is not installed, which fetches this package")
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, timeout=_PATIENCE)
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        said = next((line for line in lines if "E404" in line or line.startswith("E:")), lines[-1] if lines else "")
        raise NetchuError(f"{' '.join(command[:2])} failed: {said or f'exit code {done.returncode}'}")
    return done.stdout.decode(errors="replace")


def _npm(package: str, faces: Sequence[Face], part: Path) -> Iterator[tuple[Face, Path, str]]:
    """The faces of an npm package of web fonts, each joined from its subsets."""
    archive = _run(["npm", "pack", "--ignore-scripts", package], part).split()[-1]
    family = package.rsplit("/", 1)[-1]
    with tarfile.open(part / archive) as pack:
        members = {Path(member.name).name: member for member in pack.getmembers() if member.isfile()}
        version = str(json.loads(_read(pack, members["package.json"]))["version"])
        for face in faces:
            names = _subsets(sorted(members), family, face)
            if names:
                made = part / f"{face.name}.ttf"
                made.write_bytes(join_subsets([_plain(_read(pack, members[name]), name) for name in names]))
                yield face, made, version


def _read(pack: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = pack.extractfile(member)
    return stream.read() if stream else b""


def _subsets(names: Sequence[str], family: str, face: Face) -> list[str]:
    """The files of a face, the one that keeps its layout features first: Han for `ja` and `zh`, else Latin."""
    weight = face.name.rsplit("-", 1)[-1]
    form = re.compile(rf"{re.escape(family)}-(.+)-{weight}-normal\.(woff2?)")
    found: dict[str, str] = {}
    for name in names:  # .woff before .woff2: it needs no brotli
        match = form.fullmatch(name)
        if match and match[1] not in found:
            found[match[1]] = name
    han = [_HAN[language] for language in face.languages if language in _HAN]
    order = [*han, *_SCRIPTS, *sorted(subset for subset in found if subset.isdigit() and han)]
    return [found[subset] for subset in order if subset in found]


def _plain(data: bytes, name: str) -> bytes:
    """`data`, once it is known that it can be unpacked."""
    if name.endswith(".woff2") and importlib.util.find_spec("brotli") is None:
        raise NetchuError("it is packed as woff2, which needs brotli: pip install brotli")
    return data


def _deb(package: str, faces: Sequence[Face], part: Path) -> Iterator[tuple[Face, Path, str]]:
    """The font files of a Debian package, as they are."""
    _run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package], part)
    archive = next(part.glob("*.deb"))
    version = archive.name.split("_")[1].replace("%3a", ":")
    _run(["dpkg-deb", "--extract", archive.name, "files"], part)
    found = {path.stem: path for path in sorted((part / "files").rglob("*")) if path.is_file()}
    for face in faces:
        if face.name in found and found[face.name].suffix.lower() in (".ttf", ".otf", ".ttc"):
            yield face, found[face.name], version


def _note(root: Path, done: Done) -> None:
    """Bring fonts.tsv and licences.tsv in `root` up to date."""
    weights = {path.name: f"{face.weight:g}" for face, path, _ in done}
    _table(root / WEIGHTS, "file\tweight", weights)
    rights = {path.name: f"{face.licence}\t{face.source}\t{face.package}\t{version}" for face, path, version in done}
    _table(root / LICENCES, "file\tlicence\tsource\tpackage\tversion", rights)


def _table(path: Path, header: str, rows: dict[str, str]) -> None:
    """Add `rows` to a table, in place of those with the same first field."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.is_file() else []
    kept = dict(line.split("\t", 1) for line in lines if "\t" in line)
    kept.update(rows)
    part = path.with_suffix(".part")
    part.write_text("\n".join([header, *(f"{name}\t{rest}" for name, rest in kept.items()), ""]), encoding="utf-8")
    part.replace(path)
