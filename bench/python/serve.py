"""The worker's side of a session: JSON requests line by line in, one reply each out."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from typing import Any


def serve(make: Callable[[], Any]) -> int:
    """Answer requests with the methods of the object that ``make`` gives, made at the first request.

    What libraries print goes to standard error. An exception becomes a reply with its text, for the parent to record.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library's own print must not end up among the replies
    target: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if target is None:
                target = make()
            reply = getattr(target, request.pop("do"))(**request)
        except Exception as error:  # handed to the parent, which records it against this candidate
            reply = {"error": f"{type(error).__name__}: {error}".strip(), "traceback": traceback.format_exc()}
        print(json.dumps(reply), file=replies, flush=True)
    return 0


def peak_mib() -> float:
    """The most memory that this process has had resident, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2
