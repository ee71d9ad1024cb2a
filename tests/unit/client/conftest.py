import sys
from pathlib import Path

# Test folders are not packages; their shared fixtures are imported by their path from the checkout's root.
ROOT = str(Path(__file__).parents[3])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
