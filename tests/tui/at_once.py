"""Presses keys without a pause between them, as a paste or a slow connection does."""

from textual.events import Key
from textual.keys import _character_to_key


def press_at_once(app, *keys):
    """Put all keys into the queue of the app before any of them is handled; a text is typed letter by letter."""
    named = {"enter", "escape", "tab", "down", "up", "backspace", "slash", "ctrl+s"}
    for key in [one for text in keys for one in ([text] if text in named else text)]:
        letter = "/" if key == "slash" else key if len(key) == 1 else "\r" if key == "enter" else None
        app.post_message(Key(_character_to_key(key) if len(key) == 1 else key, letter))
