"""A time-stamping authority (RFC 3161) on a socket: `openssl ts` answers, by a certificate made for it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fastapi import FastAPI, Request, Response

from tests.contract.served_app import serve

__all__ = ["Authority", "stamping"]

_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Where to ask, and the root certificates (PEM) to verify by."""

    url: str
    roots: Path


@contextmanager
def stamping(folder: Path) -> Iterator[Authority]:
    """An authority whose files lie in ``folder``."""
    folder.mkdir()
    root_key, root = _certificate("Root", None)
    key, certificate = _certificate("Authority", (root_key, root))
    (folder / "roots.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "tsa.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "serial").write_text("01")
    (folder / "ts.conf").write_text(_CONFIG.format(folder=folder))
    app = FastAPI(openapi_url=None)

    @app.post("/")
    async def stamp(request: Request) -> Response:
        (folder / "query").write_bytes(await request.body())
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", "ts.conf", "-queryfile", "query", "-signer", "tsa.pem",
             "-inkey", "key.pem", "-out", "reply"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        return Response((folder / "reply").read_bytes(), media_type="application/timestamp-reply")

    with serve(app) as url:
        yield Authority(f"{url}/", folder / "roots.pem")


def _certificate(
    name: str, issuer: tuple[rsa.RSAPrivateKey, x509.Certificate] | None
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """A root, or what it issues: a certificate for nothing but time stamps."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())
