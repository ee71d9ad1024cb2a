"""Writes the golden vectors, or compares the committed ones with what their generators write now.

``python vectors/make.py`` writes all, ``--check`` compares and fails on the first difference, names choose some.
"""

import argparse
import importlib
import sys

NAMES = ("pdq", "case", "regions", "variants")


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help=f"which of {', '.join(NAMES)}")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    differing = 0
    for name in arguments.names:
        generator = importlib.import_module(f"make_{name}")
        if not arguments.check:
            generator.TARGET.write_text(generator.text(), encoding="utf-8")
            print(f"wrote {generator.TARGET.name}")
            continue
        same = generator.TARGET.read_text(encoding="utf-8") == generator.text()
        print(f"{generator.TARGET.name} is {'up to date' if same else 'not what its generator writes'}")
        differing += not same
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
