"""A category is written in one form, so that what is asked for and who can do it meet."""

import re
from unicodedata import category as class_of
from unicodedata import normalize

from marketplace.core.shared.errors import Invalid

_BETWEEN = re.compile(r"[\s_-]+")


def folded(word: str, *, field: str) -> str:
    """Lower-case words joined by '-', however they are written; raises Invalid for other characters."""
    words = [one for one in _BETWEEN.split(normalize("NFKC", word).lower()) if one]
    if not words or not all(map(_is_plain, "".join(words))):
        raise Invalid(field, f"is '{word}'", "letters and digits, in words joined by '-'")
    return "-".join(words)


def _is_plain(character: str) -> bool:
    """A letter or digit of any script, or a mark that belongs to one."""
    return character.isalnum() or class_of(character).startswith("M")
