"""What operators compare instead of secrets."""

from hashlib import sha256


def fingerprint(secret: str) -> str:
    """Return a short text that stands for the secret; nothing else that hashes it can give the same."""
    return "sha256:" + sha256(b"reverb-py fingerprint\0" + secret.encode(errors="surrogateescape")).hexdigest()[:8]
