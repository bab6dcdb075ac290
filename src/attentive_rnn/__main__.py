"""The command `attentive` from its first moment: Ctrl-C is looked after before anything else is imported."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the process without a word, until there is one to say

from .terminal import interruptible


def main() -> int:
    """Run the command with the arguments of the process; return its exit status."""
    with interruptible(sys.argv[1:], restore=False):
        from .cli import main as run

        return run()


if __name__ == "__main__":
    sys.exit(main())
