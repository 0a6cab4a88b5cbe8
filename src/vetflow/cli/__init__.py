"""The command line: stdout is data, stderr is talk; 0 is well, 1 failed, 2 wrong use, 3 unhealthy."""

import sys


def main() -> None:
    """Run a command and end the process with its code."""
    from vetflow.cli.app import app
    from vetflow.cli.talk import failed
    from vetflow.domain.errors import VetflowError

    try:
        app()
    except VetflowError as error:
        sys.exit(failed(error))
    except KeyboardInterrupt:
        sys.exit(1)
