"""Run the notebooks in this folder and keep the results: ``python run.py FOLDER``. Needs nbclient and ipykernel."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main(folder: Path) -> None:
    """Run all of them; an error in a cell ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(__file__).parent.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        nbformat.write(notebook, folder / path.name)
        print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
