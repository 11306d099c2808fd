"""Run every benchmark, one after another, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

for script in ("serving.py", "full_scan.py"):
    print(f"## {script}\n", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name(script))], check=True)
    print(flush=True)
