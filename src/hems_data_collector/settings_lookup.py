"""Looks settings up in their sources, and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import gettext as _
from types import MappingProxyType
from typing import Any, Final

from hems_data_collector.errors import ConfigError, sentence
from hems_data_collector.language import N_
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.outputs.base import Setting
from hems_data_collector.settings_sources import Sources

DEFAULT_SOURCE: Final = N_("default")


class Values:
    """Looks a setting up, checks it, and remembers where it came from."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.origins: dict[str, str] = {}

    def many(self, setting: Setting) -> tuple[Any, ...]:
        """All values of `setting`; the default where no source has it, nothing where there is none."""
        found = self.sources.find(setting)
        if found is None:
            self.origins[setting.name] = DEFAULT_SOURCE
            return () if setting.default is None else (setting.value(setting.default),)
        self.origins[setting.name] = found.source
        return tuple(self._checked(setting, text) for text in found.texts)

    def one(self, setting: Setting) -> Any:
        """The value of a setting that is not repeatable, None where it is unset."""
        values = self.many(setting)
        return values[-1] if values else None

    def of_output(self, name: str) -> Mapping[str, Any]:
        """What the output `name` is built from."""
        rows = OUTPUTS[name].settings
        return MappingProxyType({row.name: self.many(row) if row.repeatable else self.one(row) for row in rows})

    def refusal(self, setting: Setting, error: ConfigError) -> ConfigError:
        """The same error, with the source of the setting in front."""
        what = f"{self.origins[setting.name]}: {error.what}"
        return ConfigError(what, setting=setting.name, cause=error.cause, remedy=error.remedy)

    def _checked(self, setting: Setting, text: str) -> object:
        try:
            return setting.value(text)
        except ConfigError as error:
            raise self.refusal(setting, error) from error
        except ValueError as error:
            raise ConfigError(
                f"{self.origins[setting.name]}: {sentence(str(error))}",
                setting=setting.name,
                cause=_("{flag} is: {help}.").format(flag=setting.flag or setting.environment, help=_(setting.help)),
                remedy=_("Correct it, or leave it out; the default is: {default}.").format(
                    default=setting.default or _("none")
                ),
            ) from error
