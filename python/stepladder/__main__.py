"""`python -m stepladder`: the command line."""

from stepladder.cli import main

if __name__ == "__main__":
    main()
