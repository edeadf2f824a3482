"""recurra run and recurra check: what a shell sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import recurra
from recurra.compat.installing import real_packages

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")


def shell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(recurra.__file__).parents[1])}
    command = [sys.executable, "-m", "recurra", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def write(folder: Path, text: str, name: str = "program.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_script_sees_what_python_shows(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    write(tmp_path / "part", "import tensorflow as tf\nTHREE = tf.constant(3)\n", "helper.py")
    text = """import sys
from helper import THREE
import tensorflow as tf
class Local: pass
print(__name__, __file__, sys.argv[1:], int(THREE), sys.path[0], Local.__module__)
import __main__
print(__main__.Local is Local)
sys.exit(7)
"""
    write(tmp_path / "part", text)
    ran = shell(tmp_path, "run", "part/program.py", "-x", "--help", "data.csv")
    first, second = ran.stdout.splitlines()
    assert first == f"__main__ part/program.py ['-x', '--help', 'data.csv'] 3 {tmp_path / 'part'} __main__"
    assert second == "True" and ran.returncode == 7
    assert ran.stderr == "recurra: recurra stood in for tensorflow\n"


def test_the_report_counts_modules_beside_the_program(tmp_path: Path) -> None:
    write(tmp_path, "import keras\ndef f():\n    return keras.layers.Spam\n", "helper.py")
    write(tmp_path, "import keras\nkeras.eggs\n", "not_imported.py")
    ran = shell(tmp_path, "run", str(write(tmp_path, "import tensorflow as tf\nimport helper\n")))
    assert ran.stderr.splitlines() == [
        "recurra: recurra stood in for tensorflow, keras",
        f"recurra: missing: keras.layers.Spam, {tmp_path / 'helper.py'}:3",
    ]


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("", 0, ""),
        ("import sys; sys.exit()", 0, ""),
        ("raise SystemExit('that is all')", 1, "that is all\n"),
        ("raise SystemExit(300)", 300 & 0xFF, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
    ],
)
def test_exit_codes(tmp_path: Path, end: str, code: int, said: str) -> None:
    ran = shell(tmp_path, "run", "-q", str(write(tmp_path, f"import keras\n{end}\n")))
    assert ran.returncode == code and ran.stderr.endswith(said)


def test_tracebacks_are_the_scripts(tmp_path: Path) -> None:
    text = "import keras\n\ndef f():\n    return keras.layers.LSTM(-1)\n\nf()\n"
    ran = shell(tmp_path, "run", "-q", str(write(tmp_path, text)))
    lines = ran.stderr.splitlines()
    assert ran.returncode == 1 and lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path / "program.py"}", line 6, in <module>' and "cli" not in ran.stderr


def test_a_syntax_error_is_the_scripts(tmp_path: Path) -> None:
    ran = shell(tmp_path, "run", str(write(tmp_path, "x = (1\n")))
    assert ran.returncode == 1 and "SyntaxError" in ran.stderr and "recurra/" not in ran.stderr
    checked = shell(tmp_path, "check", "program.py")
    assert checked.returncode == 2 and checked.stderr.startswith("recurra: error: program.py:1:")


def test_options_before_the_program_are_those_of_run(tmp_path: Path) -> None:
    program = str(write(tmp_path, "import sys\nprint(sys.argv[1:])\n"))
    said = shell(tmp_path, "run", "--frce", program).stderr
    assert "No such option" in said and "--frce" in said
    assert shell(tmp_path, "run", "-q", "--", program, "-q", "--force").stdout == "['-q', '--force']\n"


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "noise.py").write_bytes(b"\xff\xfe\x00\x80 = 1\n")
    checked = shell(tmp_path, "check", "noise.py")
    assert checked.returncode == 2 and checked.stderr.startswith("recurra: error: noise.py: ")


def test_the_report_names_what_is_missing(tmp_path: Path) -> None:
    text = """import tensorflow as tf
try:
    from keras.layers import Spam
except ImportError:
    pass
x = 1 or tf.contrib.rnn
y = 1 or tf.spam
"""
    ran = shell(tmp_path, "run", str(write(tmp_path, text)))
    assert ran.returncode == 0
    assert ran.stderr.splitlines() == [
        "recurra: recurra stood in for tensorflow, keras.layers",
        f"recurra: missing: keras.layers.Spam, {tmp_path / 'program.py'}:3 (the program goes on without it)",
        f"recurra: missing: tf.contrib, {tmp_path / 'program.py'}:6: tf.contrib is of TensorFlow 1's graphs, which "
        "recurra does not run: write the program with Keras layers or tf.function",
        f"recurra: missing: tf.spam, {tmp_path / 'program.py'}:7",
    ]


def test_check(tmp_path: Path) -> None:
    write(tmp_path, "from keras.layers import LSTM, Spam\nprint('ran')\n")
    ran = shell(tmp_path, "check", "program.py")
    assert ran.returncode == 1 and ran.stdout.splitlines()[0] == "program.py:1: keras.layers.Spam is missing"
    found = json.loads(shell(tmp_path, "check", "--json", "program.py").stdout)
    assert found["complete"] is False and [use["name"] for use in found["missing"]] == ["keras.layers.Spam"]
    assert [use["name"] for use in found["runs"]] == ["keras.layers.LSTM"]
    write(tmp_path, "import keras\nkeras.layers.LSTM\n")
    assert shell(tmp_path, "check", "program.py").returncode == 0


def test_files_that_are_no_programs(tmp_path: Path) -> None:
    assert shell(tmp_path, "run", "nothing.py").returncode == 2
    write(tmp_path, "{}", "empty.ipynb")
    for command in ("run", "check"):
        ran = shell(tmp_path, command, "empty.ipynb")
        assert ran.returncode == 2 and ran.stderr.startswith("recurra: error: empty.ipynb: this is no notebook")


def test_a_notebook(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Words"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip install tensorflow\n", "import tensorflow as tf"],
        },
        {"cell_type": "code", "source": "%%bash\nls -la\n"},
        {
            "cell_type": "code",
            "source": ["%time x = tf.constant([2, 3])\n", "for k in range(2):\n", "    !echo $k\n", "x.numpy()"],
        },
        {"cell_type": "code", "source": ["raise ValueError('here')"]},
    ]
    write(tmp_path, json.dumps({"cells": cells, "nbformat": 4}), "book.ipynb")
    ran = shell(tmp_path, "run", "book.ipynb")
    assert ran.returncode == 1 and ran.stdout == "array([2, 3], dtype=int32)\n"
    assert "recurra: book.ipynb, cell 1, line 2: skipped: !pip install tensorflow" in ran.stderr
    assert "recurra: book.ipynb, cell 2, line 1: skipped: %%bash" in ran.stderr
    assert "    raise ValueError('here')\nValueError: here" in ran.stderr
    assert 'File "book.ipynb, cell 4", line 1' in ran.stderr


def test_figures_of_a_notebook(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    source = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.plot([2, 1])\n"
    write(tmp_path, json.dumps({"cells": [{"cell_type": "code", "source": source}], "nbformat": 4}), "book.ipynb")
    ran = shell(tmp_path, "run", "book.ipynb")
    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["book-1.png", "book-2.png"]
