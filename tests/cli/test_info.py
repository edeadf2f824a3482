"""``recurra info``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import recurra


def test_the_machine(run: Any) -> None:
    text = run("info").stdout
    config = recurra.build_config()
    for name, value in (("recurra", recurra.__version__), ("isa", config["isa"]), ("numpy", "")):
        assert any(line.startswith(f"{name}:") and str(value) in line for line in text.splitlines()), name
    found = json.loads(run("info", "--json").stdout)
    assert found["isa"] == config["isa"] and found["threads"] == recurra.get_num_threads()


def test_a_model(run: Any, verse_model: Path, review_model: Path) -> None:
    found = json.loads(run("info", verse_model, "--json").stdout)
    assert found["kind"] == "language model" and found["units"] == 9 and found["trained epochs"] == 2
    assert found["bytes"] == verse_model.stat().st_size
    assert "labels:" in run("info", review_model).stdout


def test_no_model(run: Any, folder: Path) -> None:
    assert "there is no such file" in run("info", folder / "none", code=2).stderr
    assert "is not a model" in run("info", folder / "verse.txt", code=2).stderr
