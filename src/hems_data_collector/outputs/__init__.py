"""The outputs: a new one is a file and a line here.

Each module imports its client library only when the output is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.file import FileOutput
from hems_data_collector.outputs.formats import FORMATS, Format
from hems_data_collector.outputs.gcloud import GcloudOutput
from hems_data_collector.outputs.stdout import StdoutOutput
from hems_data_collector.outputs.webhook import WebhookOutput

OUTPUTS: Final[Mapping[str, type[Output]]] = MappingProxyType(
    {output.name: output for output in (StdoutOutput, FileOutput, WebhookOutput, GcloudOutput)}
)
"""Every word of `--output`."""

__all__ = ["FORMATS", "OUTPUTS", "Format", "Output", "Setting"]
