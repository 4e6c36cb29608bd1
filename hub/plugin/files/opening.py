"""From settings to an open place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hub.plugin.files.local import LocalFolder
from hub.plugin.files.place import Place
from hub.plugin.files.settings import FilePlace
from hub.plugin.files.sftp import SftpFolder


def open_place(place: FilePlace) -> Place:
    """The place of those settings. Nothing is touched yet: the first verb looks at the folder or logs in."""
    parts = urlsplit(place.address)
    if parts.scheme == "file":
        return LocalFolder(Path(url2pathname(parts.path)), place.address)
    return SftpFolder(place)
