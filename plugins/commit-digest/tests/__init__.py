"""Has the tests find the plugin and its helper, whoever runs them."""

import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT / ".hookbox/python")]
