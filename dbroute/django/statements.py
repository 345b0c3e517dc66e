"""Which SQL statements write, and to which table: just enough of SQL to guard a read-only database."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|--[^\n]*|\#(?![>-])[^\n]*|/\*(?!!).*?\*/)
    | (?P<text>[eE]?'(?:[^'\\]|''|\\.)*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[\w[^\]\n]*\])
    | (?P<word>[^\W\d][\w$]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_DATA = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "UPSERT", "TRUNCATE", "LOAD"})
_SCHEMA = frozenset(
    {"CREATE", "ALTER", "DROP", "RENAME", "COMMENT", "GRANT", "REVOKE", "REINDEX", "CLUSTER", "REFRESH", "VACUUM"}
)
# Words between the verb and the table.
_BETWEEN = frozenset(
    re.findall(
        r"\w+",
        """
        INTO FROM ONLY ON OR IGNORE ABORT FAIL ROLLBACK REPLACE LOW_PRIORITY HIGH_PRIORITY DELAYED QUICK
        TABLE TABLES VIEW MATERIALIZED SEQUENCE TRIGGER INDEX TEMPORARY TEMP UNLOGGED VIRTUAL UNIQUE
        CONCURRENTLY IF NOT EXISTS COLUMN DATA LOCAL INFILE
        """,
    )
)


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The keyword that this may be; empty for anything quoted."""
        return self.text.upper() if self.kind == "word" else ""


class Write(NamedTuple):
    """
    A statement that changes something.

    Attributes:
        verb: Its keyword, in capitals.
        table: The table that it names first, without quotes and schema; empty where it names none.
    """

    verb: str
    table: str


def find_write(sql: str) -> Write | None:
    """Return the first statement in ``sql`` that writes; ``None`` where all of them only read or set something."""
    if ";" not in sql and sql[:7].upper() == "SELECT ":
        return None
    for statement in _statements(sql):
        found = _write_of(statement)
        if found is not None:
            return found
    return None


def _statements(sql: str) -> Iterator[list[_Token]]:
    statement: list[_Token] = []
    for match in _TOKEN.finditer(sql):
        token = _Token(match.lastgroup or "", match.group())
        if token.text == ";" and token.kind == "sign":
            yield statement
            statement = []
        elif token.kind != "skip":
            statement.append(token)
    yield statement


def _write_of(statement: list[_Token]) -> Write | None:
    # Signs before the verb: parentheses, or what is left of a nested or an executable comment.
    start = next((at for at, token in enumerate(statement) if token.kind != "sign"), len(statement))
    tokens = statement[start:]
    verb = tokens[0].word if tokens else ""
    if verb in _DATA or verb in _SCHEMA:
        return Write(verb, _table(tokens))
    if verb == "COPY":
        return _copy(tokens)
    if verb == "WITH":
        return _inside(tokens)
    if verb == "EXPLAIN" and any(token.word in {"ANALYZE", "ANALYSE"} for token in tokens):
        return _explained(tokens)
    return None


def _copy(tokens: list[_Token]) -> Write | None:
    """COPY reads into a table unless it says TO; a query in parentheses can only be copied out."""
    if any(token.word == "FROM" for token in tokens) and (len(tokens) < 2 or tokens[1].text != "("):
        return Write("COPY", _table(tokens))
    return None


def _explained(tokens: list[_Token]) -> Write | None:
    """EXPLAIN ANALYZE runs what it explains."""
    at = next((at for at, token in enumerate(tokens) if token.word in _DATA | {"WITH", "SELECT"}), len(tokens))
    return _write_of(tokens[at:])


def _inside(tokens: list[_Token]) -> Write | None:
    """
    Find the verb of a WITH statement, which stands behind a parenthesis: ``WITH x AS (DELETE …) …``, ``… ) DELETE …``.

    The functions REPLACE() and INSERT() are followed by one, and FOR UPDATE stands behind a word.
    """
    for at in range(1, len(tokens) - 1):
        before, here, after = tokens[at - 1 : at + 2]
        if here.word in _DATA and before.text in ("(", ")") and after.text != "(":
            return Write(here.word, _table(tokens[at:]))
    return None


def _table(tokens: list[_Token]) -> str:
    """Return the first name after the verb; of a dotted name the last part; of an index its table."""
    words = [token.word for token in tokens[:6]]
    if words[0] == "CREATE" and "INDEX" in words:
        tokens = tokens[next((at for at, token in enumerate(tokens) if token.word == "ON"), 0) :]
    at = 1
    while at < len(tokens) and (tokens[at].word in _BETWEEN or tokens[at].kind in ("sign", "text")):
        at += 1
    if at >= len(tokens):
        return ""
    while at + 2 < len(tokens) and tokens[at + 1].text == "." and tokens[at + 2].kind in ("quoted", "word"):
        at += 2
    name = tokens[at]
    return name.text if name.kind == "word" else name.text[1:-1].replace('""', '"')
