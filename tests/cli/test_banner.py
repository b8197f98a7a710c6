"""What `caselog up` says when it is up: where everything is, and no password."""

import pytest

from case_api.cli.banner import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://app:geheim@db:5432/caselog", "postgresql://app@db:5432/caselog"),
        ("postgresql://app:ge@heim@db/caselog", "postgresql://app@db/caselog"),
        ("postgresql://app:geheim@one:5432,two:5433/caselog", "postgresql://app@one:5432,two:5433/caselog"),
        ("postgresql://app:geheim@[::1]:5432/caselog", "postgresql://app@[::1]:5432/caselog"),
        ("postgresql://app@db/caselog?sslmode=require&password=geheim", "postgresql://app@db/caselog?sslmode=require"),
        ("postgresql:///caselog?host=/run&passfile=/geheim", "postgresql:///caselog?host=/run"),
        ("postgresql://db", "postgresql://db"),
    ],
)
def test_the_address_of_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
