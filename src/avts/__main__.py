"""`python -m avts`: the command line, for launchers of several processes that take a module."""

from avts.cli import main

if __name__ == "__main__":
    main()
