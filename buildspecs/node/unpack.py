"""Unpacks the bundle. What the repository holds is not trusted to stay in its place."""

import gzip
import os
import tarfile
import zlib

from answer import FULL, Problem

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
# Headers of a file in the archive: its own, and one for a long name with its blocks.
MAX_HEADER_BYTES = 8 * 1024
TOP = ("run.json", "source", "plugin", "inventory.yml", "collections", "secrets.yml", "vault-password.yml")


class Bounded:
    """Gives no more than so many bytes of a compressed file: few bytes may unpack to many."""

    def __init__(self, file, most):
        self._file, self._left = file, most

    def read(self, size):
        data = self._file.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise unpacks_to_too_much()
        return data


def unpack(name, folder):
    """
    Folders and files come first, each made anew, and links last: nothing is ever written through a link.
    Modes are those of git, whatever the umask, since `mode: preserve` compares them.
    """
    links = []
    files, size = 0, 0
    try:
        with gzip.open(name, "rb") as plain:
            most = MAX_UNPACKED_BYTES + MAX_FILES * MAX_HEADER_BYTES
            with tarfile.open(fileobj=Bounded(plain, most), mode="r|") as archive:
                for member in archive:
                    files, size = files + 1, size + member.size
                    if files > MAX_FILES or size > MAX_UNPACKED_BYTES:
                        raise unpacks_to_too_much()
                    place = os.path.join(folder, *parts_of(member.name))
                    if member.isdir():
                        make_folder(place, folder)
                    elif place == folder:
                        raise malformed("a member of it has no name")
                    elif member.isreg():
                        make_folder(os.path.dirname(place), folder)
                        write_file(archive.extractfile(member), place, 0o755 if member.mode & 0o100 else 0o644)
                    elif member.issym():
                        links.append((place, member.linkname))
                    else:
                        raise malformed("it holds something that is no file, folder or symbolic link")
        for place, target in links:
            make_link(place, target, folder)
        for place, _ in links:
            remove_if_outside(place, folder)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise malformed("it cannot be read (%s)" % type(error).__name__) from error
    except OSError as error:
        if error.errno in FULL:
            raise
        raise malformed("it cannot be unpacked (%s)" % (error.strerror or type(error).__name__)) from error


def parts_of(name):
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name or (parts and parts[0] not in TOP):
        raise malformed("it holds a path that is not one of its own")
    return parts


def make_folder(place, folder):
    if place == folder or os.path.isdir(place):
        return
    make_folder(os.path.dirname(place), folder)
    os.mkdir(place)
    os.chmod(place, 0o755)


def write_file(content, place, mode):
    made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(made, "wb") as file:
        while True:
            chunk = content.read(1024 * 1024)
            if not chunk:
                break
            file.write(chunk)
        os.fchmod(file.fileno(), mode)


def make_link(place, target, folder):
    """Where a folder of the way is a link itself, there is nothing to be made."""
    parent = os.path.dirname(place)
    if os.path.realpath(parent) != parent or os.path.lexists(place):
        raise malformed("two of its members are at the same place")
    make_folder(parent, folder)
    os.symlink(target, place)


def remove_if_outside(place, folder):
    """A link that leads out of the source is not there: what uses it fails, and says so."""
    top = os.path.join(folder, os.path.relpath(place, folder).split("/", 1)[0])
    if not (os.path.realpath(place) + "/").startswith(top + "/"):
        os.unlink(place)


def malformed(why):
    return Problem("the bundle is not one that this document can use: %s; deploy both from the same release" % why)


def unpacks_to_too_much():
    text = "the bundle unpacks to more than %d MB or %d files: keep what the playbook does not need out of its folder"
    return Problem(text % (MAX_UNPACKED_BYTES >> 20, MAX_FILES))
