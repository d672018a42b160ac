"""Where options come from when they are not given: the environment, then dlt's configuration files.

Only names of this program count (`FLEXPRICE_…`, or dlt's `SOURCES__FLEXPRICE_WALLETS__…`): a stranger's bare `API_KEY`
or `BASE_URL` would send the key elsewhere. The files are read here and not by dlt, whose import takes longer than a
short command.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.api_options import fits_header
from flexprice_wallets.extract.secret import Secret

ENVIRONMENT_PREFIX = "FLEXPRICE"
_DLT_SECTION = ("sources", "flexprice_wallets")


def configured_api_key() -> Secret:
    """The API key: FLEXPRICE_API_KEY, dlt's environment name for it, or dlt's secrets file.

    Raises:
        ConfigurationError: where there is none, or one that no HTTP header can hold.
    """
    return checked_api_key(
        environment_value("api_key") or dlt_file_options("secrets.toml").get("api_key")
    )


def checked_api_key(key: object) -> Secret:
    """The API key that was configured.

    Raises:
        ConfigurationError: where there is none, or one that no HTTP header can hold.
    """
    if not key:
        raise ConfigurationError(
            "No API key: set the environment variable FLEXPRICE_API_KEY, or api_key under "
            "[sources.flexprice_wallets] in .dlt/secrets.toml."
        )
    if not isinstance(key, str) or not fits_header(key):
        raise ConfigurationError(
            "The API key in FLEXPRICE_API_KEY (or .dlt/secrets.toml) has characters that no key has: "
            "set it again, without spaces or line ends."
        )
    return Secret(key)


def environment_name(option: str) -> str:
    """The environment variable of an option: FLEXPRICE_BASE_URL for base_url."""
    return f"{ENVIRONMENT_PREFIX}_{option.upper()}"


def dlt_environment_name(option: str) -> str:
    """dlt's name for the same: SOURCES__FLEXPRICE_WALLETS__BASE_URL."""
    return "__".join((*_DLT_SECTION, option)).upper()


def environment_value(option: str) -> str | None:
    """An option's value in the environment, if it is set and not empty."""
    return os.environ.get(environment_source(option)) or None


def environment_source(option: str) -> str:
    """The environment variable that counts for an option: ours, or dlt's where ours is not set or empty."""
    ours = environment_name(option)
    return ours if os.environ.get(ours) else dlt_environment_name(option)


def dlt_file_options(file_name: str) -> Mapping[str, Any]:
    """The options under [sources.flexprice_wallets] of a file in dlt's folders; the nearest folder wins.

    Raises:
        ConfigurationError: where a file is not readable TOML.
    """
    options: dict[str, Any] = {}
    for folder in reversed(_dlt_folders()):
        options |= _section(folder / file_name)
    return options


def _dlt_folders() -> list[Path]:
    """dlt's own places: the project's `.dlt`, then the user's."""
    project = Path(os.environ.get("DLT_PROJECT_DIR", ".")) / ".dlt"
    try:
        user = Path("/var/dlt") if os.geteuid() == 0 else Path.home() / ".dlt"
    except RuntimeError:  # a user whom the machine does not know, in a container
        return [project]
    return [project, user]


def _section(path: Path) -> Mapping[str, Any]:
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        return {}
    except (OSError, ValueError) as error:
        # The message of a TOML error names a position, never the content: there may be a key in it.
        raise ConfigurationError(
            f"{path} cannot be read as TOML ({type(error).__name__}): mend the file, or remove it."
        ) from None
    for name in _DLT_SECTION:
        content = content.get(name, {}) if isinstance(content, dict) else {}
    return content if isinstance(content, dict) else {}
