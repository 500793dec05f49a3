"""Lists a Bom as lsbom does: path, octal mode, owner/group, size, checksum, link. Shares nothing with our reader."""

import struct
import sys

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"BOMStore"
version, blocks, index, index_bytes, names, names_bytes = struct.unpack(">6I", data[8:32])
assert version == 1
(count,) = struct.unpack_from(">I", data, index)
assert count == blocks + 1
assert index + index_bytes <= len(data) and names + names_bytes == len(data)


def block(number):
    assert 0 < number < count, number
    offset, length = struct.unpack_from(">2I", data, index + 4 + 8 * number)
    return data[offset : offset + length]


variables = {}
at = names + 4
for _ in range(struct.unpack_from(">I", data, names)[0]):
    number, length = struct.unpack_from(">IB", data, at)
    variables[data[at + 5 : at + 5 + length].decode()] = number
    at += 5 + length
assert at == len(data)
assert set(variables) == {"BomInfo", "Paths", "HLIndex", "VIndex", "Size64"}, variables


def leaves(number):
    """Every pair below a node, by walking down, not along: both ways have to agree."""
    node = block(number)
    is_leaf, pairs, following, before = struct.unpack_from(">HHII", node)
    for at in range(pairs):
        value, key = struct.unpack_from(">2I", node, 12 + 8 * at)
        if is_leaf:
            yield value, key
        else:
            last = None
            for last in leaves(value):
                yield last
            assert last[1] == key


def tree(name):
    magic, version, child, size, total, _ = struct.unpack(">4s4IB", block(variables[name]))
    assert magic == b"tree" and version == 1
    found = list(leaves(child))
    assert len(found) == total
    return found


large = {}
for value, key in tree("Size64"):
    large[struct.unpack(">I", block(key))[0]] = struct.unpack(">Q", block(value))[0]
assert tree("HLIndex") == []

paths = {}
order = []
for value, key in tree("Paths"):
    number, info = struct.unpack(">2I", block(value))
    (parent,) = struct.unpack_from(">I", block(key))
    name = block(key)[4:-1].decode()
    assert block(key)[-1] == 0
    paths[number] = (parent, name, info)
    order.append((parent, name))
import unicodedata

assert order == sorted(order, key=lambda one: (one[0], unicodedata.normalize("NFD", one[1]).encode()))


def full(number):
    parent, name, _ = paths[number]
    return name if parent == 0 else full(parent) + "/" + name


for number in sorted(paths):
    record = block(paths[number][2])
    kind, one, flags, mode, owner, group, mtime, size, again, checksum, link = struct.unpack_from(">BBHHIIIIBII", record)
    assert one == again == 1
    size = large.get(paths[number][2], size)
    target = record[31 : 31 + link - 1].decode() if link else ""
    print(kind, oct(mode)[2:], f"{owner}/{group}", size, checksum, full(number), target, sep="\t")
