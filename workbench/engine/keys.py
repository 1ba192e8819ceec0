"""Keys of a local cluster: made when it starts, known to its processes and their parent, and gone when it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def temporary_keys() -> dict[str, Any]:
    """Return arguments of `distributed.Security` with a new key, which everyone in one cluster holds and trusts.

    It is what `distributed.Security.temporary` makes, but for two things. Its key lies on an elliptic curve, which
    takes no time where RSA takes a tenth of a second. And it has no date (RFC 5280, 4.1.2.5): it ends with its
    cluster, however long that lives and wherever the clock is set meanwhile.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "workbench")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(datetime(1970, 1, 1, tzinfo=UTC)).not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret = key.private_bytes(*private).decode()
    roles = ("client", "scheduler", "worker")
    pairs = {f"tls_{role}_cert": signed for role in roles} | {f"tls_{role}_key": secret for role in roles}
    return {"require_encryption": True, "tls_ca_file": signed, **pairs}
