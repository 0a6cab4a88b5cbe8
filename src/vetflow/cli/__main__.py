"""``python -m vetflow.cli`` is ``vetflow``."""

from vetflow.cli import main

main()
