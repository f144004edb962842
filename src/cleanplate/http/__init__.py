"""The HTTP app: one folder a dialect, all over the same submit.

* `body` reads a request's fields, whatever encoding they came in (`form`, `multipart`, `base64_text`);
* `auth` tells whose token it shows;
* `submission` checks what was asked for and makes it a task;
* `kaze`, `gptge`, `native`: parse → submit → render, and what each says when something is wrong;
* `dialects` knows which one is spoken at a path, `kinds` what kind of trouble an error is;
* `console` is the pages for people, and what browsers sign in with;
* `files` serves results behind signed links (`links`, `origin`);
* `callbacks` renders what a callback says.
"""

from __future__ import annotations

from cleanplate.http.app import create_app
from cleanplate.http.callbacks import Callbacks
from cleanplate.http.services import Downloader, Finder, Inspector, Services

__all__ = ["Callbacks", "Downloader", "Finder", "Inspector", "Services", "create_app"]
