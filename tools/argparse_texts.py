"""The texts of argparse that people may see here, of Python 3.11 to 3.14: it looks them up in the program's catalog.

Nothing runs this file; `make catalogs` reads it.
"""

from gettext import gettext as _

TEXTS = (
    _("usage: "),
    _("options"),
    _("positional arguments"),
    _("the following arguments are required: %s"),
    _("one of the arguments %s is required"),
    _("argument %(argument_name)s: %(message)s"),
    _("expected one argument"),
    _("expected at least one argument"),
    _("expected at most one argument"),
    _("not allowed with argument %s"),
    _("ignored explicit argument %r"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("invalid %(type)s value: %(value)r"),
    _("unrecognized arguments: %s"),
)
