"""``python -m agentbank``: the same as the ``agentbank`` command."""

from agentbank.harness.cli import main

if __name__ == "__main__":
    main()
