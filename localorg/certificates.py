"""The org's keys, made at start: a local CA with a certificate for this machine, and a JWT key."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NAMES = ("localhost", "127.0.0.1", "::1")
#: Hosts that clients have written in them; a hosts file or the like leads them here.
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com")


def server_context(ca_file: Path, *names: str) -> ssl.SSLContext:
    """A TLS context for `NAMES`, `LOGIN_HOSTS` and `names`; what proves it goes to `ca_file`."""
    authority = trustme.CA(organization_name="Isthmus Local Org")
    certificate = authority.issue_cert(*dict.fromkeys((*NAMES, *LOGIN_HOSTS, *names)))
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    certificate.configure_cert(context)
    return context


def jwt_key(key_file: Path) -> rsa.RSAPublicKey:
    """Make the connected app's RSA key; the private half goes to `key_file`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key_file.touch(mode=0o600)
    key_file.write_bytes(pem)
    return key.public_key()
