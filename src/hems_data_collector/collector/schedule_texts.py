"""Why a schedule cannot be used, in words for its owner: what happened, its likely cause, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from gettext import gettext as _
from types import MappingProxyType
from typing import Final

from hems_data_collector.errors import ConfigError
from hems_data_collector.language import N_

_SETTING: Final = "schedule"
_FIELDS: Final = MappingProxyType(
    {
        "second": N_("second"),
        "minute": N_("minute"),
        "hour": N_("hour"),
        "day-of-month": N_("day"),
        "month": N_("month"),
        "day-of-week": N_("weekday"),
    }
)
"""The fields as the parser calls them, and as the remedy does."""


def bad_interval(seconds: int) -> ConfigError:
    """Less than a second."""
    return ConfigError(
        _("An interval of {seconds} seconds is not possible.").format(seconds=seconds),
        setting="interval",
        cause=_("Zero and negative intervals have no next time."),
        remedy=_("Give a whole number of seconds, 1 or more."),
    )


def bad_field(expression: str, field: str) -> ConfigError:
    """`field` names the one that cron cannot read, and shows it."""
    return _refused(
        _('The schedule "{schedule}" has a field that cron cannot read ({field}).').format(
            schedule=expression, field=_(_FIELDS.get(field, field))
        )
    )


def never_fires(expression: str) -> ConfigError:
    """As 30 February."""
    return _refused(_('The schedule "{schedule}" never fires: no day is like that.').format(schedule=expression))


def too_long(beginning: str, limit: int) -> ConfigError:
    """More than `limit` characters."""
    return _refused(
        _('The schedule "{schedule}..." is longer than {limit} characters.').format(schedule=beginning, limit=limit)
    )


def wrong_count(expression: str, count: int) -> ConfigError:
    """Neither five fields nor six."""
    text = (
        _('The schedule "{schedule}" has {count} field instead of five or six.')
        if count == 1
        else _('The schedule "{schedule}" has {count} fields instead of five or six.')
    )
    return _refused(text.format(schedule=expression, count=count))


def reboot() -> ConfigError:
    """The alias that means nothing here."""
    return ConfigError(
        _('The schedule "@reboot" cannot be used.'),
        setting=_SETTING,
        cause=_("The collector keeps running; it has no single moment to read at."),
        remedy=_('For one reading now, run "hems-data-collector read"; for many, use "@hourly" or "*/5 * * * *".'),
    )


def unknown_alias(alias: str, known: Collection[str]) -> ConfigError:
    """None of `known`."""
    near = difflib.get_close_matches(alias.lower(), known, n=1)
    hint = " " + _('Did you mean "{near}"?').format(near=near[0]) if near else ""
    return ConfigError(
        _('The schedule "{alias}" is no known alias.').format(alias=alias),
        setting=_SETTING,
        cause=_("Known are {names}.").format(names=", ".join(known)),
        remedy=_("Use one of these or five cron fields.") + hint,
    )


def _refused(what: str) -> ConfigError:
    return ConfigError(
        what,
        setting=_SETTING,
        cause=_("A field is missing, misspelt or out of its range."),
        remedy=_(
            "Write five fields: minute (0-59) hour (0-23) day (1-31) month (1-12) weekday (0-7 or SUN-SAT),"
            ' as in "*/5 * * * *"; a sixth field at the end gives the seconds (0-59).'
        ),
    )
