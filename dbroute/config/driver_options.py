"""Options of the database drivers: slips that a driver would refuse when it connects, or an hour later."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..models import reveal
from .engines import UrlError, driver
from .problems import nearly
from .urls import FIELDS_IN_QUERY

_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_WHOLE = re.compile(r"\s*-?[0-9]+\s*")
_WHOLE_NUMBERS = ("connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval")
_OF_LIBPQ = """
    application_name assume_role channel_binding client_encoding connect_timeout dbname
    fallback_application_name gssdelegation gssencmode gsslib host hostaddr isolation_level keepalives
    keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts max_protocol_version
    min_protocol_version options passfile password pool port prepare_threshold replication require_auth
    requirepeer server_side_binding service ssl_max_protocol_version ssl_min_protocol_version sslcert
    sslcertmode sslcompression sslcrl sslcrldir sslkey sslmode sslnegotiation sslpassword sslrootcert sslsni
    target_session_attrs tcp_user_timeout user
"""
_OF_MYSQL = """
    auth_plugin charset client_flag collation compress connect_timeout conv database host init_command
    isolation_level local_infile password port read_default_file read_default_group read_timeout sql_mode ssl
    ssl_ca ssl_cert ssl_key ssl_mode unix_socket use_unicode user write_timeout
"""
_OF_SQLITE = """
    autocommit cached_statements check_same_thread detect_types init_command isolation_level timeout
    transaction_mode uri
"""
_KNOWN = {
    driver: frozenset(names.split())
    for driver, names in (("libpq", _OF_LIBPQ), ("mysql", _OF_MYSQL), ("sqlite", _OF_SQLITE))
}
"""Driver to the names that its connections take, Django's own included; one that is none of them may be new."""


def faults(engine: str, options: Mapping[Any, Any]) -> Iterator[tuple[str, UrlError]]:
    """
    Yield an option, and what is wrong with it.

    Args:
        engine: The dotted path of the backend; of those that are not Django's, nothing is known.
        options: What goes to the driver.
    """
    kind = driver(engine)
    if kind not in _KNOWN or not engine.startswith("django."):
        return
    for key, value in options.items():
        if not isinstance(key, str):
            yield "", UrlError("has a key that is no text", "put it into quotes")
        elif key not in _KNOWN[kind]:
            if near := _meant(kind, key):
                yield key, UrlError("unknown option", f"did you mean '{near}'?")
        elif key == "sslmode" and reveal(value) not in (None, *_SSLMODES):
            yield key, UrlError("is no mode of TLS", f"write one of {', '.join(_SSLMODES)}")
        elif (
            key in _WHOLE_NUMBERS and isinstance(text := reveal(value), str | bool) and not _WHOLE.fullmatch(str(text))
        ):
            yield key, UrlError("is no whole number", "write digits only")


@functools.lru_cache(4096)  # the same few names, for every database
def _meant(kind: str, key: str) -> str | None:
    """Return the option, or the field that a URL's query may set, which is one edit away from an unknown one."""
    known = (*sorted(_KNOWN[kind]), *FIELDS_IN_QUERY)
    return nearly(key, [name for name in known if abs(len(name) - len(key)) < 2]) if len(key) > 3 else None
