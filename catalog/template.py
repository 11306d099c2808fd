"""The files that `isthmus init` writes: a project to start from, with a comment at each choice."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TEMPLATE", "template_files"]

TEMPLATE = """\
# The sources, views and settings of a project. `isthmus check` tries them.

# A Salesforce org. Its tables are crm.Account, crm.Opportunity, ...
[sources.crm]
kind = "salesforce"
# A local org writes this file: isthmus org serve --http 127.0.0.1:0 --ready-file org.json
ready_file = "org.json"
# A real org instead. Secrets stay outside: "env:NAME" or "keyring:NAME".
# instance_url = "https://example.my.salesforce.com"
# auth = "client_credentials"  # or "password", "jwt", "refresh_token", "sf-cli"
# client_id = "env:SF_CLIENT_ID"
# client_secret = "env:SF_CLIENT_SECRET"
# What may be written; else nothing is.
# writes = ["Account", "Contact"]  # or true

# A folder of files, here or on any fsspec filesystem. orders/year=2025/x.parquet is lake.orders,
# with year as a column.
# [sources.lake]
# kind = "files"
# root = "lake"  # or "s3://bucket/lake"

# A file elsewhere, under a name of its own:
# [sources.lake.tables.rates]
# url = "https://example.com/rates.csv"
# format = "csv"

# Each .sql file of this folder is a view: views/big_accounts.sql is main.big_accounts.
[views]
folder = "views"

# A copy of a table, a view or a query, brought up to now by: isthmus sync run accounts
# [syncs.accounts]
# table = "crm.Account"  # or query = "SELECT ..."
# to = "duckdb:copy.duckdb#account"  # or "parquet:FOLDER", "delta:...", "sqlite:...", ...
# mode = "incremental"  # what has changed; else "full"
# schedule = "every 1 hour"  # for isthmus sync serve

# Jobs of one user: how many run at once, how many may wait.
# [jobs]
# running = 2
# queued = 1000

# [settings]
# time_zone = "Europe/Berlin"  # else TZ, else the machine's, else UTC
# memory_limit = "2GB"
# threads = 4
"""

_VIEW = """\
-- Accounts with more than a thousand employees.
SELECT Id, Name, Industry, NumberOfEmployees
FROM crm.Account
WHERE NumberOfEmployees > 1000
"""


def template_files() -> Mapping[str, str]:
    """The files of a new project: texts by their path below the project's folder."""
    return {"isthmus.toml": TEMPLATE, "views/big_accounts.sql": _VIEW}
