"""What other frameworks computed, in files, and the scripts and cases that made them."""

from pathlib import Path

GOLDEN = Path(__file__).parent
