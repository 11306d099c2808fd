"""Pages are kept as they go over the wire; every client reads the same from them."""

from __future__ import annotations

import gzip
import threading
import zlib
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from isthmus.localorg import LocalOrg
from isthmus.localorg.packed import Packed

texts = st.binary(max_size=400) | st.builds(
    lambda b, n: b * n, st.binary(max_size=20), st.just(9999)
)


@given(head=st.binary(max_size=300), text=texts)
def test_any_gzip_reader_reads_head_and_text(head: bytes, text: bytes) -> None:
    packed = Packed.of(text)
    sent = packed.gzip(head)
    assert packed.text() == text
    assert gzip.decompress(sent) == head + text  # checks CRC and length
    reader = zlib.decompressobj(31)  # a reader of one member, as some clients are
    assert reader.decompress(sent) == head + text
    assert reader.eof and not reader.unused_data


def test_a_head_that_is_too_long_is_refused() -> None:
    assert gzip.decompress(Packed.of(b"x").gzip(b"h" * 65535)) == b"h" * 65535 + b"x"
    with pytest.raises(ValueError, match="65536 bytes"):
        Packed.of(b"x").gzip(b"h" * 65536)


@pytest.fixture(scope="module")
def org() -> Any:
    with LocalOrg(data="demo", scale=5) as made:
        yield made


def get(org: Any, path: str, encoding: str, method: str = "GET", **headers: str) -> Any:
    token = {"Authorization": f"Bearer {org.ready['access_token']}", "Accept-Encoding": encoding}
    url = org.http + path
    return urllib3.request(method, url, headers=token | headers, decode_content=False)


QUERY = "/services/data/v62.0/query?q=SELECT+Id,Name+FROM+Opportunity+ORDER+BY+Id"


def test_zipped_plain_and_pretty_say_the_same(org: Any) -> None:
    plain = get(org, QUERY + "+LIMIT+300", "identity")
    zipped = get(org, QUERY + "+LIMIT+300", "gzip")
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) == len(zipped.data)
    assert gzip.decompress(zipped.data) == plain.data
    pretty = gzip.decompress(get(org, QUERY + "+LIMIT+300", "gzip", **{"X-PrettyPrint": "1"}).data)
    assert pretty.count(b"\n") == 299
    assert pretty.replace(b"},\n{", b"},{") == plain.data


def test_a_short_answer_is_not_zipped(org: Any) -> None:
    short = get(org, QUERY + "+LIMIT+1", "gzip")
    assert "content-encoding" not in short.headers and short.data.endswith(b"}]}")


def test_half_an_answer_is_half_of_the_text(org: Any) -> None:
    whole = gzip.decompress(get(org, QUERY + "+LIMIT+300", "gzip").data)
    org.set_fault("malformed-json", nth=1)
    half = gzip.decompress(get(org, QUERY + "+LIMIT+300", "gzip").data)
    org.clear_faults()
    assert half == whole[: len(whole) // 2]


def test_a_head_request_has_no_body(org: Any) -> None:
    assert get(org, QUERY, "gzip", method="HEAD").data == b""


def test_an_org_that_closes_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with LocalOrg(data="demo", scale=10) as org:
        assert b'"done":false' in get(org, QUERY, "identity").data
    assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
