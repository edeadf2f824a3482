"""In a subinterpreter recurra is refused at once, with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from recurra._core import interpreters

CODE = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
inner = '''
import sys
sys.path[:] = {path!r}
try:
    from recurra.layers import LSTM
except ImportError as error:
    assert {reason!r} in str(error) or "subinterpreter" in str(error), error
else:
    raise AssertionError("it was imported")
'''.format(path=sys.path, reason=REASON)
{before}
failure = interpreters.run_string(interpreters.create(), inner)
assert failure is None, failure
print("refused")
"""


@pytest.mark.parametrize(
    ("before", "reason"),
    [("", "main interpreter only"), ("from recurra.layers import LSTM", "")],  # numpy may be the first to refuse
)
def test_a_subinterpreter_gets_an_error(before: str, reason: str) -> None:
    code = CODE.replace("{before}", before).replace("REASON", repr(reason))
    if not any(find_spec(name) for name in ("_interpreters", "_xxsubinterpreters")):
        pytest.skip("this Python cannot make subinterpreters")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "refused"


def test_the_main_interpreter_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreters.check_main_interpreter()
    inside = SimpleNamespace(get_current=lambda: 3, get_main=lambda: 0)
    monkeypatch.setattr(interpreters, "import_module", lambda name: inside)
    with pytest.raises(ImportError, match="main interpreter only"):
        interpreters.check_main_interpreter()

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(interpreters, "import_module", missing)  # a Python without them has none
    interpreters.check_main_interpreter()
