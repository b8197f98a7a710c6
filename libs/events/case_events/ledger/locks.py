"""The locks of ours that are no rows: Postgres's advisory locks, each by a number that no other one has.

Which number does not matter, as long as it is always this one: each spells a word in ASCII.
"""

from __future__ import annotations

MIGRATING = 0x6361_7365_6C6F_67
"""Had alone by whoever makes tables, or resets them ("caselog")."""
CLOCK = 0x636C_6F63
"""Of a test clock ("cloc"), in clock_stands too: shared by who writes under it, had alone by who moves, freezes or
deletes it."""
CLOCK_TURN = 0x7475_726E
"""Of a test clock ("turn"): one replica at a time fires its cases."""
ADMIN_KEYS = 0x626F_6F74
"""One at a time decides how many admin keys there are ("boot")."""
HOLDS = 0x686F_6C64
"""Holds are placed one after the other ("hold"), so that no two are counted as the last that may be."""
OUTAGES = 0x6F75_7467
"""Outages are put on record one after the other ("outg"), so that none is noticed twice."""
CALENDARS = 0x6461_7973
"""Published days are loaded one after the other ("days")."""
CHECKPOINTS = 0x7472_6565
"""Checkpoints are taken one after the other ("tree"), each going on from the last."""
WEBHOOKS = 0x686F_6F6B
"""Endpoints are made one after the other ("hook"), so that no two are counted as the last there may be."""
REBUILDING = 0x7265_6275_696C_64
"""Had alone by whoever rebuilds, and shared by whoever releases what an import held ("rebuild"): a copy of a held
deadline is not released with it, and says nothing by which a rebuild would see that it should be made again."""
