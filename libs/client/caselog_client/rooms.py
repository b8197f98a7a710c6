"""Groups of methods that go together, for code that waits: webhook endpoints, and keys."""

from __future__ import annotations

from caselog_client import keys, webhooks
from caselog_client.line import Room, asks, lists


class Webhooks(Room):
    """Where you are told of events: ``caselog.webhooks``."""

    create = asks(webhooks.create)
    list = lists(webhooks.all_of_them)
    get = asks(webhooks.get)
    update = asks(webhooks.update)
    delete = asks(webhooks.delete)
    rotate = asks(webhooks.rotate)
    pause = asks(webhooks.pause)
    resume = asks(webhooks.resume)
    test = asks(webhooks.send_test)
    redeliver = asks(webhooks.redeliver)
    errands = lists(webhooks.errands)
    attempts = lists(webhooks.attempts)


class Keys(Room):
    """Who may call, for admins: ``caselog.keys``."""

    create = asks(keys.create)
    list = lists(keys.all_of_them)
    get = asks(keys.get)
    rotate = asks(keys.rotate)
    revoke = asks(keys.revoke)
