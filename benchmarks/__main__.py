"""Run every benchmark, one after another, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

for script in ("serving.py", "full_scan.py"):
    print(f"## {script}\n", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name(script))], check=True)
    print(flush=True)

for module in ("overhead", "tpch", "workload", "key_join", "upsert", "sync_out", "incremental"):
    print(f"## {module}\n", flush=True)
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=False, cwd=root)
    print(flush=True)
