"""The command `cleanplate`: one module a command, each importing what it needs only when it is run.

* app.py: the commands put together; errors and exit statuses.
* remove.py: plan.py says what is written where, cleaning.py cleans one picture, crew.py many side by side,
  telling.py says how it goes.
* serve.py: assembly.py puts the rooms together, server.py answers, log.py writes the log.
* token.py, credits.py, doctor.py.
"""

from __future__ import annotations

import os
import sys

# The linear algebra under numpy wakes threads of its own for matrices that are far too small for them: beside
# other work that takes 200 times as long. It reads this once, when numpy is imported.
ONE_THREAD = "OPENBLAS_NUM_THREADS"


def main() -> None:
    """Run the command with the arguments of the process, and leave with its exit status."""
    os.environ.setdefault(ONE_THREAD, "1")
    from cleanplate.cli.app import run

    sys.exit(run(sys.argv[1:]))
