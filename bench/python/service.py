"""The web service of the guide under load on loopback: ``python -m bench.python.service --seconds 60``.

Runs the code of ``python/docs/pages/serving.md`` in a process of its own. Clients, each with one connection, send
sentences as fast as they are answered. Prints requests a second, the median and the 99th percentile of the answers'
times, errors, and the service's resident memory after the first tenth of the time and at the end.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "python" / "docs" / "pages" / "serving.md"


def serve() -> None:
    """The guide's service, on a free port that is printed, until standard input ends."""
    definitions, model = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.S)[:2]
    names: dict[str, Any] = {}
    exec(compile(definitions + model, str(GUIDE), "exec"), names)
    server = names["Service"](("127.0.0.1", 0), names["answer"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


class Client(threading.Thread):
    """One connection; its answers' times in seconds, and how many requests failed."""

    def __init__(self, port: int, texts: list[str], end: float) -> None:
        super().__init__()
        self.port, self.texts, self.end = port, texts, end
        self.times: list[float] = []
        self.errors = 0

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        number = 0
        while time.monotonic() < self.end:
            body = json.dumps({"text": self.texts[number % len(self.texts)]})
            number += 1
            start = time.perf_counter()
            try:
                connection.request("POST", "/", body)
                response = connection.getresponse()
                good = response.status == 200 and 0 <= json.loads(response.read())["positive"] <= 1
            except (OSError, HTTPException, ValueError, KeyError):
                good = False
                connection.close()
            self.times.append(time.perf_counter() - start)
            self.errors += not good
        connection.close()


def resident_mib(pid: int) -> float:
    """Resident memory of a process; NaN where the system does not say."""
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        found = None
    return int(found[1]) / 1024 if found else float("nan")


def load(seconds: float, clients: int) -> dict[str, float]:
    from recurra.datasets import sentences

    texts = list(sentences.load_data()[0][0])
    command = [sys.executable, "-m", "bench.python.service", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        port = int(service.stdout.readline())
        end = time.monotonic() + seconds
        running = [Client(port, texts[n:] + texts[:n], end) for n in range(clients)]
        for client in running:
            client.start()
        time.sleep(seconds / 10)
        early = resident_mib(service.pid)
        for client in running:
            client.join()
        late = resident_mib(service.pid)
        service.stdin.close()
    times = sorted(one for client in running for one in client.times)
    return {
        "requests": len(times),
        "requests_per_second": len(times) / seconds,
        "p50_ms": 1e3 * times[len(times) // 2],
        "p99_ms": 1e3 * times[len(times) * 99 // 100],
        "errors": sum(client.errors for client in running),
        "memory_mib_early": early,
        "memory_mib_end": late,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    found = load(options.seconds, options.clients)
    for name, value in found.items():
        print(f"{name:>20} {value:,.2f}")
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
