"""The console's tests use the same house as the API's: the real app in this process, on a fresh Postgres."""

from tests.api.conftest import house, master_key_file, platform, prepared, settings, storefront

__all__ = ["house", "master_key_file", "platform", "prepared", "settings", "storefront"]
