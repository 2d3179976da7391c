"""Ways in which a file that was once right goes wrong, and documents that never were."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

Content = bytes
NESTED = 100_000  # brackets
LONG = 200_000  # characters

# What stands in the place of one value of a real file.
NASTY = (
    *(
        "",
        "null",
        "true",
        "{}",
        "[]",
        "NaN",
        "-Infinity",
        "1e999",
        "-0",
        "1.5",
        "0xfff",
        "1:20:30",
    ),
    *("9" * 30, "9" * 5000, "0x" + "f" * 5000, "1" + ":1" * 20_000, "1e99999999999999999999"),
    *('"\\ud800"', '"\\u0000"', '"\\u202e"', '"\\u001b[2J"', '"a\\nb"', '"' + "x" * LONG + '"'),
    *('"../../../etc/passwd"', '"/dev/zero"', '"' + "d/" * 3000 + '"', '"' + "n" * 300 + '"'),
    *("[" * NESTED, "[" * 400 + "]" * 400, '{"a":' * 900 + "1" + "}" * 900, "[" * 960 + "]" * 960),
    *("&a [*a]", "*nobody", "!!python/object/apply:os.system ['true']", "!!bool maybe"),
    *("!!int ''", "!!timestamp x", "!!binary x", "2001-99-99", "<<", "=", "? [a]", "'", '"', "|"),
    *(
        "{a: 1, a: 2}",
        '{"a": 1, "a": 2}',
        "[1, 2",
        "\t",
        "\x00",
        "\x85",
        "\u2028",
        "- - -",
        "%TAG",
    ),
)
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)
)
MERGES = "m0: &m0 {x: 1, y: 2}\n" + "\n".join(
    f"m{n}: &m{n} {{<<: [{','.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, 30)
)
_IN_YAML = re.compile(rb"(?<=: )[^\n#,\]}]+|^ *\w+(?=:)", re.MULTILINE)
_IN_TABLE = re.compile(rb"[^,;\n]+")
_MARK = "the place of another value"


def broken(seed: Content, rng: Random) -> Content:
    """Return a real file with one to three things wrong with it."""
    for _ in range(rng.randint(1, 3)):
        seed = rng.choice(MUTATIONS)(seed, rng)
    return seed


def _at(content: Content, rng: Random) -> int:
    return rng.randint(0, len(content))


def _cut(content: Content, rng: Random) -> Content:
    return content[: _at(content, rng)]


def _cut_out(content: Content, rng: Random) -> Content:
    start = _at(content, rng)
    return content[:start] + content[start + rng.randint(1, 200) :]


def _doubled(content: Content, rng: Random) -> Content:
    start = _at(content, rng)
    part = content[start : start + rng.randint(1, 400)]
    return content[:start] + part * 2 + content[start + len(part) :]


def _flipped(content: Content, rng: Random) -> Content:
    if not content:
        return content
    flipped = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _another_letter(content: Content, rng: Random) -> Content:
    """Change a letter of some text: what is binary around it stays sound."""
    texts = list(re.finditer(rb"[ -~]{4,}", content))
    if not texts:
        return content
    place = rng.choice(texts)
    at = rng.randrange(place.start(), place.end())
    return content[:at] + bytes([rng.randrange(32, 127)]) + content[at + 1 :]


def _put_in(content: Content, rng: Random) -> Content:
    start = _at(content, rng)
    put = rng.choice(
        (
            b"\0",
            b"\xff",
            b"\xed\xa0\x80",
            b"\r",
            b"{",
            b"]",
            b'"',
            b"\\",
            b"x" * LONG,
            b"\n" * 5000,
        )
    )
    return content[:start] + put + content[start:]


def _nasty_value(content: Content, rng: Random) -> Content:
    """Put something in the place of one value, everything around it right."""
    put = rng.choice(NASTY).encode("utf-8", "surrogatepass")
    marked = _marked(content, rng)
    if marked is None:
        found = _places(content)
        if not found:
            return content
        place = rng.choice(found)
        return content[: place.start()] + put + content[place.end() :]
    return marked.replace(json.dumps(_MARK).encode(), put)


def _another_value(content: Content, rng: Random) -> Content:
    """Put one of its own values in the place of another: a wrong type, a key twice."""
    found = _places(content)
    if not found:
        return content
    place, other = rng.choice(found), rng.choice(found)
    return content[: place.start()] + other.group() + content[place.end() :]


def _places(content: Content) -> list[re.Match[bytes]]:
    pattern = _IN_YAML if b": " in content[:2000] else _IN_TABLE
    return list(pattern.finditer(content[: 1 << 16]))


def _marked(content: Content, rng: Random) -> Content | None:
    """Mark the place of one value of a JSON document, or of one line of JSON Lines."""
    lines = content.split(b"\n") if b"}\n{" in content else [content]
    chosen = rng.randrange(len(lines))
    try:
        document = json.loads(lines[chosen])
    except (ValueError, RecursionError):
        return None
    inside = document
    while isinstance(inside, dict | list) and inside:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = rng.choice(keys)
        if isinstance(inside[key], dict | list) and inside[key] and rng.random() < 0.9:
            inside = inside[key]
            continue
        inside[key] = _MARK
        lines[chosen] = json.dumps(document).encode()
        return b"\n".join(lines)
    return None


def _encoded(content: Content, rng: Random) -> Content:
    text = content.decode("utf-8", "replace")
    return rng.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: text.encode("utf-16-le"),
            lambda: text.encode("utf-16")[:-1],
            lambda: b"\xff\xfe\x00\xd8" + text.encode("utf-16-le"),
            lambda: text.encode("utf-32"),
            lambda: text.encode("utf-8-sig"),
            lambda: b"\xef\xbb\xbf" * 2 + content,
            lambda: text.encode("cp1252", "replace") + b"\xe9\x81",
        )
    )()


def _another_file(content: Content, rng: Random) -> Content:
    nested = rng.choice((b"[", b'{"a":', b"- ", b"{? ", b"[[],"))
    return rng.choice(
        (
            b"",
            b" \n\t",
            b"\0" * 100,
            nested * NESTED,
            nested * rng.randint(300, 1100),
            b"1" * LONG,
            b'"' + b"a" * LONG,
            b"x" * LONG + b": 1\n",
            b"k: 1\n" * 20_000,
            b"".join(b"k%d: 1\n" % n for n in range(20_000)),
            BOMB.encode() + b"\n" + content,
            MERGES.encode() + b"\n" + content,
            BOMB.encode() + b"\nretriever_top_k: *a29\n",
            rng.randbytes(500),
            content * 2,
            content + b"\n---\n" + content,
            b"PK\x03\x04" + rng.randbytes(200),
            b"SQLite format 3\0" + rng.randbytes(200),
            b"\x93NUMPY" + rng.randbytes(200),
        )
    )


MUTATIONS: tuple[Callable[[Content, Random], Content], ...] = (
    *(_cut, _cut_out, _doubled, _flipped, _another_letter, _put_in, _encoded, _another_file),
    *(_nasty_value,) * 5,
    *(_another_value,) * 2,
)


def _missing(path: Path) -> None:
    path.with_name("elsewhere").touch()


def _nowhere(path: Path) -> None:
    path.symlink_to(path.name)  # to itself


def _unreadable(path: Path) -> None:
    path.symlink_to("/proc/self/mem")  # a regular file that even root cannot read from its start


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


# Things that are no file, by how they are placed.
NO_FILES: tuple[Callable[[Path], None], ...] = (
    *(_missing, _nowhere, _unreadable, _endless, _pipe, _folder),
)

_ANY_TEXT = st.text(st.characters(), max_size=30)  # lone surrogates too
_ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**20, max_value=10**4000)
    | st.floats()
    | _ANY_TEXT
)
_ANYTHING = st.recursive(
    _ATOMS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(_ANY_TEXT, inside, max_size=4),
    max_leaves=8,
)


Record = dict[str, object]


def documents(
    records: Sequence[Record], texts: tuple[str, ...], names: Sequence[str] = ()
) -> st.SearchStrategy[Content]:
    """Make JSON documents that resemble a list of records, or of records by name."""
    some = _changed(records, texts)
    made: st.SearchStrategy[object] = st.lists(some, min_size=1, max_size=4)
    if names:
        rest = dict.fromkeys(names, records[0])
        by_name = st.dictionaries(st.sampled_from(names) | _ANY_TEXT, some, max_size=3)
        made = by_name.map(lambda changed: {**rest, **changed})
    return st.one_of(made, made, made, st.lists(some | _ANYTHING), _ANYTHING).map(_as_json)


def lines(records: Sequence[Record], texts: tuple[str, ...]) -> st.SearchStrategy[Content]:
    """Make JSON Lines of such records."""
    some = _changed(records, texts)
    line = st.one_of(some, some, some, some, _ANYTHING).map(_as_json)
    return st.lists(line, min_size=1, max_size=4).map(b"\n".join)


def _changed(records: Sequence[Record], texts: tuple[str, ...]) -> st.SearchStrategy[Record]:
    """Take a record, with a few keys that have other values, and perhaps one less."""
    keys = list(records[0])
    value = st.sampled_from(texts) | _ANYTHING
    changes = st.dictionaries(st.sampled_from(keys) | _ANY_TEXT, value, max_size=2)
    less = st.sampled_from([*[""] * 9, *keys])
    return st.builds(
        lambda record, other, gone: {k: v for k, v in {**record, **other}.items() if k != gone},
        st.sampled_from(records),
        changes,
        less,
    )


def _as_json(made: object) -> Content:
    return json.dumps(made).encode()


def tables(columns: tuple[str, ...]) -> st.SearchStrategy[Content]:
    """Make texts that resemble CSV with one of the columns."""
    cell = st.sampled_from(columns) | st.text(max_size=20) | st.sampled_from('";,\t|\r\0')
    table = st.lists(st.lists(cell, max_size=6).map(",".join), max_size=6).map("\n".join)
    header = st.sampled_from(columns)
    made = st.builds("{},x\n{}".format, header, table) | table
    return made.map(lambda text: text.encode("utf-8", "replace"))


def settings_files(shipped: dict[str, object]) -> st.SearchStrategy[Content]:
    """Make configurations in which one value is another; JSON is YAML, too."""

    def changed(path: list[str], value: object) -> Content:
        document = json.loads(json.dumps(shipped))
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return json.dumps(document).encode()

    return st.builds(changed, st.sampled_from(list(_paths(shipped, []))), _ANYTHING)


def _paths(document: dict[str, object], above: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for key, value in document.items():
        found.append([*above, key])
        if isinstance(value, dict):
            found += _paths(value, [*above, key])
    return found
