"""Nothing that one test has taught may change what another predicts."""

from __future__ import annotations

import os

# Tests of the state folder name one of their own.
os.environ["ISTHMUS_STATE"] = "off"
