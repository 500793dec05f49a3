"""Checks each block of an app package alone, as Windows does: place, length, hash. Shares nothing with our reader."""

import base64
import hashlib
import struct
import sys
import urllib.parse
import xml.etree.ElementTree as tree
import zipfile
import zlib

NAMESPACE = "{http://schemas.microsoft.com/appx/2010/blockmap}"
BLOCK = 65536

raw = open(sys.argv[1], "rb").read()
package = zipfile.ZipFile(sys.argv[1])
records = {urllib.parse.unquote(info.filename): info for info in package.infolist()}
root = tree.fromstring(package.read("AppxBlockMap.xml"))
assert root.get("HashMethod") == "http://www.w3.org/2001/04/xmlenc#sha256"

for file in root.findall(NAMESPACE + "File"):
    info = records[file.get("Name").replace("\\", "/")]
    assert info.file_size == int(file.get("Size"))
    name_length, extra_length = struct.unpack_from("<2H", raw, info.header_offset + 26)
    assert int(file.get("LfhSize")) == 30 + name_length + extra_length
    at = info.header_offset + int(file.get("LfhSize"))
    end = at + info.compress_size
    blocks = file.findall(NAMESPACE + "Block")
    left = info.file_size
    for block in blocks:
        length = min(BLOCK, left)
        if info.compress_type == zipfile.ZIP_STORED:
            assert block.get("Size") is None
            size, content = length, raw[at : at + length]
        else:
            size = int(block.get("Size"))
            content = zlib.decompressobj(-15).decompress(raw[at : at + size])
        assert len(content) == length, (len(content), length)
        assert hashlib.sha256(content).digest() == base64.b64decode(block.get("Hash"))
        at += size
        left -= length
    assert left == 0
    # Behind the last block: the end of the stream, and nothing else.
    assert raw[at:end] == (b"" if info.compress_type == zipfile.ZIP_STORED else b"\x03\x00")
    print(file.get("Name"), info.file_size, len(blocks))

mapped = {file.get("Name").replace("\\", "/") for file in root}
assert set(records) - mapped <= {"AppxBlockMap.xml", "[Content_Types].xml", "AppxSignature.p7x"}
