"""What can go wrong at the command line itself."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class UsageInvalid(CleanplateError):
    """The command was not understood: see `cleanplate --help`."""

    code = "usage_invalid"


class InputMissing(CleanplateError):
    """There is no such file: check the path."""

    code = "input_missing"


class InputUnreadable(CleanplateError):
    """The file cannot be read: check its permissions."""

    code = "input_unreadable"


class OutputExists(CleanplateError):
    """The output is there already: give --overwrite to replace it, or another -o."""

    code = "output_exists"


class OutputIsInput(CleanplateError):
    """The output would replace the picture itself: give another -o, or --overwrite to do so."""

    code = "output_is_input"


class OutputMisnamed(CleanplateError):
    """The output's ending names a format that the answer does not have: name it .jpg or .png."""

    code = "output_misnamed"


class OutputUnwritable(CleanplateError):
    """The output cannot be written: check the folder's permissions and the space left."""

    code = "output_unwritable"


class RegionFileMissing(CleanplateError):
    """The folder of masks has none for this picture: it is looked for under the picture's own path."""

    code = "region_file_missing"


class ProcessDied(CleanplateError):
    """The process that cleaned this picture broke down."""

    code = "process_died"
    retryable = True


class MemoryShort(CleanplateError):
    """The picture needs more memory than there is: try --jobs 1, or a smaller picture."""

    code = "memory_short"
    retryable = True


class Unforeseen(CleanplateError):
    """Something went wrong that should not have: CLEANPLATE_DEBUG=1 shows where; please report it."""

    code = "unforeseen"


class AddressTaken(CleanplateError):
    """The address cannot be listened on."""

    code = "address_unavailable"


class BackupImpossible(CleanplateError):
    """Only SQLite and a folder of blobs are copied: use your database's and storage's own tools."""

    code = "backup_impossible"


class PartDied(CleanplateError):
    """A part of the server has ended, so the server stops: its log says why; start it again."""

    code = "part_died"


class NothingShared(CleanplateError):
    """Servers and workers that are processes of their own share PostgreSQL and a blob store: set CLEANPLATE_DATABASE__URL=postgresql://… and CLEANPLATE_BLOBS__URL=s3://… (or a folder that all of them see)."""  # noqa: E501  # one line: the message

    code = "nothing_shared"


class WakeupsUnheard(CleanplateError):
    """What is said with NOTIFY is not heard: connect to PostgreSQL itself, not to a pooler between."""

    code = "wakeups_unheard"
    retryable = True
