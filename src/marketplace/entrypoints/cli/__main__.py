"""`python -m marketplace.entrypoints.cli` is `marketplace`, for where the script is not on the path."""

from marketplace.entrypoints.cli.main import main

main()
