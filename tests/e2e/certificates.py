"""Certificates of the tests' own making, by openssl: an authority, servers that it vouches for, people who log in.

Life     files in one folder; nothing outside it trusts them
"""
from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVER_SUBJECT = "/O=dualsync tests/OU=servers/CN=server"


def openssl(*arguments: str, folder: Path) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path
    subject: str  # as MongoDB names its owner

    @property
    def both(self) -> Path:
        """One file with both, as tlsCertificateKeyFile wants it."""
        path = self.certificate.with_suffix(".pem")
        path.write_text(self.certificate.read_text() + self.key.read_text())
        path.chmod(0o600)
        return path


class Authority:
    """Issues certificates. `days` -1: it ended yesterday. `names`: as subjectAltName, such as `IP:127.0.0.1`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.crt"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.crt", "-days", "30", "-subj", f"/CN={name} of dualsync's tests",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", folder=folder)

    def issue(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost", days: int = 30,
              subject: str = SERVER_SUBJECT) -> Certificate:
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", subject, folder=self.folder)
        (self.folder / f"{name}.ext").write_text(
            "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
            + (f"subjectAltName={names}\n" if names else ""))
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key",
                "-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.crt",
                folder=self.folder)
        certificate = self.folder / f"{name}.crt"
        owner = openssl("x509", "-in", certificate.name, "-noout", "-subject", "-nameopt", "RFC2253",
                        folder=self.folder)
        return Certificate(certificate, self.folder / f"{name}.key", owner.strip().removeprefix("subject="))
