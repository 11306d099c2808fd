"""The demo org's rows: seeded, realistic, and full of values that careless code loses."""

from isthmus.localorg.demo.generate import empty, generate
from isthmus.localorg.demo.load import load
from isthmus.localorg.demo.setup import ADMIN_ID, ADMIN_USERNAME, ORG_ID

__all__ = ["ADMIN_ID", "ADMIN_USERNAME", "ORG_ID", "empty", "generate", "load"]
