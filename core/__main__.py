"""`python -m core`: the command line without the screen."""

from core.cli import main

if __name__ == "__main__":
    main()
