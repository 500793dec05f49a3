"""Verifies Windows programs with signify: verify.py <trusted root, DER> <file>...; prints a line for each."""

import pathlib
import re
import sys

# oscrypto 1.3.0, which signify needs, does not know OpenSSL versions with two digits in the last place.
search = re.search


def patient_search(pattern, text, *rest):
    if isinstance(pattern, str):
        pattern = pattern.replace(r"\d\.\d\.\d[a-z]*", r"\d+\.\d+\.\d+[a-z]*")
    return search(pattern, text, *rest)


re.search = patient_search

from signify.authenticode import AuthenticodeFile  # noqa: E402
from signify.x509 import Certificate, CertificateStore  # noqa: E402

root = Certificate.from_der(pathlib.Path(sys.argv[1]).read_bytes())
store = CertificateStore([root], trusted=True)
for name in sys.argv[2:]:
    with open(name, "rb") as stream:
        signed = AuthenticodeFile.from_stream(stream)
        result, error = signed.explain_verify(trusted_certificate_store=store)
        count = len(list(signed.iter_signatures(include_nested=True)))
        print(result.name, count, error or "")
