"""``python -m takeback`` is the same as ``takeback``."""

from takeback.cli.main import run

if __name__ == "__main__":
    run()
