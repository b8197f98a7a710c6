"""What a browser does with the console, without one: it keeps cookies, reads a page, fills in and sends its forms."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

from httpx import ASGITransport, AsyncClient, Response

from tests.api.house import House

HOPS_MAX = 5
VOID = {"meta", "link", "input", "br"}
HERE = "http://localhost:8080"
OWN_FORM = {"Sec-Fetch-Site": "same-origin"}


class Page(HTMLParser):
    """A page as it was parsed: its text, links and forms, and what is wrong with how it was written."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer, self.status = answer, answer.status_code
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: dict[str, dict[str, str]] = {}
        self.links: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self.title = ""
        self._action: str | None = None
        self.feed(answer.text)
        self.close()
        self.faults += [f"{tag} is not closed" for tag, _ in self._open]
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.tags.append((tag, said))
        if tag not in VOID:
            self._open.append((tag, said))
        if tag == "form":
            self._action = said["action"]
            self.forms[self._action] = {}
        chosen = tag == "input" and (said.get("type") != "checkbox" or "checked" in said)
        if self._action is not None and (chosen or tag in ("select", "textarea")):
            self.forms[self._action][said["name"]] = said.get("value", "")
        if tag == "option" and "selected" in said and self._action is not None:
            last = list(self.forms[self._action])[-1]
            self.forms[self._action][last] = said["value"]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"{tag} is closed where it is not open")
            return
        self._open.pop()
        if tag == "form":
            self._action = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._open and self._open[-1][0] == "title":
            self.title += data
        for tag, said in self._open:
            if tag == "a" and data.strip():
                self.links[data.strip()] = said["href"]

    def ids(self) -> list[str]:
        return [said["id"] for _, said in self.tags if "id" in said]


class Browser:
    """One browser. ``origin``: as whose address it sees the console."""

    def __init__(self, house: House, origin: str = HERE, language: str = "en") -> None:
        self.origin = origin
        transport = ASGITransport(house.app, raise_app_exceptions=False)
        headers = {"Accept-Language": language}
        self.client = AsyncClient(transport=transport, base_url=origin, headers=headers)

    async def open(self, path: str) -> Page:
        """A page, with every redirect on the way to it; only ones within the console are followed."""
        return await self.arrive(await self.client.get(path))

    async def send(self, action: str, form: dict[str, Any], **headers: str) -> Response:
        """A form as its page sends it; ``headers`` change or (empty) remove what the browser says beside."""
        said = {"Origin": self.origin, **OWN_FORM, "Content-Type": "application/x-www-form-urlencoded"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        told = {name: value for name, value in said.items() if value}
        return await self.client.post(action, content=urlencode(form), headers=told)

    async def fill_in(self, page: Page, action: str, **fields: str) -> Page:
        """A form of this page with these fields filled in, and where it leads."""
        return await self.arrive(await self.send(action, page.forms[action] | fields))

    async def fill_in_question(self, page: Page, action: str, **fields: str) -> Page:
        """A form that asks, with these fields filled in: what it says stands in the address."""
        return await self.open(f"{action}?{urlencode(page.forms[action] | fields)}")

    async def sign_in(self, key: str, then: str = "") -> Page:
        page = await self.open("/console/sign-in" + (f"?{urlencode({'next': then})}" if then else ""))
        return await self.fill_in(page, "/console/sign-in", key=key)

    async def arrive(self, answer: Response) -> Page:
        for _ in range(HOPS_MAX):
            if answer.status_code != 303:
                return Page(answer)
            assert urlsplit(answer.headers["location"]).path.startswith("/console")
            answer = await self.client.get(answer.headers["location"])
        raise AssertionError("it leads nowhere")

    def cookie(self, name: str = "caselog") -> str | None:
        return self.client.cookies.get(name)
