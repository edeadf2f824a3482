"""``python -m recurra``: the command line, for where the script ``recurra`` is not on the path."""

from recurra.cli import main

main()
