"""The seam to places where files are left and fetched: a folder of this machine, or a folder behind SFTP.

`settings` is what is stated of a place, `place` the few things one may do there, `local` and `sftp` the two ways to do
them, `failures` the one table that tells how they fail, `names` the care taken of names from outside, `checking` the
trial of a place, `inbox` a folder as a source of documents. paramiko is imported in this package alone.

A path within a place is a file's name, or a name in one folder below it (`processed/invoice.xml`), never more.
"""

from hub.plugin.files.checking import check_place
from hub.plugin.files.failures import PIECE
from hub.plugin.files.inbox import FolderSource, open_inbox
from hub.plugin.files.names import LONGEST_NAME, name_fault, shown_name, temporary
from hub.plugin.files.opening import open_place
from hub.plugin.files.place import Entry, Place, put
from hub.plugin.files.settings import FilePlace, Inbox, english, wrong_setting

__all__ = [
    "LONGEST_NAME",
    "PIECE",
    "Entry",
    "FilePlace",
    "FolderSource",
    "Inbox",
    "Place",
    "check_place",
    "english",
    "name_fault",
    "open_inbox",
    "open_place",
    "put",
    "shown_name",
    "temporary",
    "wrong_setting",
]
