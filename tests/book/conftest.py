"""The book's Sphinx extensions lie beside the book, not in the package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))
