"""Takes Microsoft's schemas of app packages out of its MSIX SDK, as the package pymsix brings it: arguments are the wheel and a new folder."""

import io
import pathlib
import re
import sys
import zipfile

wheel, folder = sys.argv[1], pathlib.Path(sys.argv[2])
library = zipfile.ZipFile(wheel).read("msix/bin/libmsix.so")
# The library carries its resources as a zip.
start, end = library.index(b"PK\x03\x04"), library.rindex(b"PK\x05\x06") + 22
resources = zipfile.ZipFile(io.BytesIO(library[start:end]))
imports = []
for name in resources.namelist():
    if not name.startswith("AppxPackaging/") or not name.endswith(".xsd"):
        continue
    path = folder / name.removeprefix("AppxPackaging/")
    path.parent.mkdir(parents=True, exist_ok=True)
    # xmllint takes no space in a type's name.
    text = resources.read(name).decode("utf-8-sig").replace('type=" CT_', 'type="CT_')
    path.write_text(text, encoding="utf-8")
    namespace = re.search(r'targetNamespace="([^"]+)"', text).group(1)
    if "/Manifest/" in name and "bundle" not in namespace:
        imports.append(f'<xs:import namespace="{namespace}" schemaLocation="{path.relative_to(folder)}"/>')
# The schemas import one another without saying where they are.
head = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:manifest">'
(folder / "manifest.xsd").write_text("\n".join([head, *sorted(imports), "</xs:schema>"]), encoding="utf-8")
