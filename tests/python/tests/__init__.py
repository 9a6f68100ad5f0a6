"""Tests of the helper that `hookbox new --lang python` puts into a project."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "host/templates/python/helper"))
