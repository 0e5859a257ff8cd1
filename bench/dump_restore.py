"""The same copy by MongoDB's own tools, `mongodump --archive | mongorestore --archive`, for comparison in the same run.

Programs   named by MONGODUMP and MONGORESTORE; without both there is no comparison, and that is said aloud
Writes     as many connections as dualsync's copy has (SYNC_COPY_THREADS, 2 by default)
"""
from __future__ import annotations

import os
import subprocess
import sys
import time

WRITERS = 2
SECONDS_MAX = 1800
RESTORED_SUFFIX = "_restored"


class DumpError(RuntimeError):
    """One of the tools failed."""


def tools() -> tuple[str, str] | None:
    """Both programs; None, and a line on stderr, if they are not named."""
    dump, restore = os.environ.get("MONGODUMP"), os.environ.get("MONGORESTORE")
    if dump and restore:
        return dump, restore
    print("copy: NOT compared with mongodump and mongorestore: MONGODUMP and MONGORESTORE do not both name a program",
          file=sys.stderr, flush=True)
    return None


def dump_and_restore(local_uri: str, backup_uri: str, database: str) -> float | None:
    """Seconds from the start of both until the last one has ended; None without the tools. The copy is in a database
    of its own, beside the mirror's."""
    programs = tools()
    if programs is None:
        return None
    started = time.monotonic()
    dump = subprocess.Popen([programs[0], f"--uri={local_uri}", f"--db={database}", "--archive", "--quiet"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    restore = subprocess.Popen(
        [programs[1], f"--uri={backup_uri}", "--archive", "--quiet", f"--nsFrom={database}.*",
         f"--nsTo={database}{RESTORED_SUFFIX}.*", f"--numInsertionWorkersPerCollection={WRITERS}"],
        stdin=dump.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert dump.stdout is not None
    dump.stdout.close()  # so that mongodump hears it when mongorestore ends
    try:
        said = restore.communicate(timeout=SECONDS_MAX)[1]
        told = dump.communicate(timeout=SECONDS_MAX)[1]
    except subprocess.TimeoutExpired as error:
        raise DumpError(f"not done after {SECONDS_MAX} s") from error
    finally:
        for process in (dump, restore):
            if process.poll() is None:
                process.kill()
    if dump.returncode != 0 or restore.returncode != 0:
        raise DumpError(f"mongodump {dump.returncode}, mongorestore {restore.returncode}: "
                        f"{(told + said).decode()[-500:]}")
    return time.monotonic() - started
