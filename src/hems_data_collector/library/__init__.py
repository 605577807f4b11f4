"""The meter for programs of your own (docs/library.md); import it from `hems_data_collector`."""
