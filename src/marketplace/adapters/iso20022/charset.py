"""Banks take few characters: names and words are folded to them, references that others know are not."""

import re
import unicodedata

from marketplace.adapters.iso20022.tree import shown
from marketplace.core.shared.errors import Invalid

# The basic Latin set that the European Payments Council names for SEPA (EPC217-08), and SWIFT's X without
# line ends: what every bank takes.
ALLOWED = "A-Z a-z 0-9 / - ? : ( ) . , ' + and blanks"
_OTHERS = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
_FITS = re.compile(r"[A-Za-z0-9/?:().,'+ -]+")
# What does not come apart into a letter and its mark, and the signs that have a plain one.
_SPELT = (
    "ß=ss æ=ae Æ=AE œ=oe Œ=OE ø=o Ø=O ł=l Ł=L đ=d Đ=D ð=d Ð=D þ=th Þ=Th \u0131=i ŋ=n Ŋ=N &=+ @=(at) _=- "
    "\u2013=- \u2014=- \u2018=' \u2019=' `=' \"=' €=EUR £=GBP ;=, [=( ]=) {=( }=) \\=/ |=/"
)
_SPELLING = str.maketrans(dict(pair.split("=") for pair in _SPELT.split()))
_SLASHES = re.compile(r"/{2,}")


def folded(text: str, *, field: str, most: int) -> str:
    """
    What is left of a name or of words in the bank's letters: "Café Zoë & Söhne" is "Cafe Zoe + Sohne".

    What has no such letter is a dot. Raises Invalid where no letter or digit is left.
    """
    apart = unicodedata.normalize("NFKD", text.translate(_SPELLING)).translate(_SPELLING)
    plain = "".join(one for one in apart if not unicodedata.combining(one))
    plain = _SLASHES.sub("/", _OTHERS.sub(".", " ".join(plain.split())))
    cut = plain.strip("/ ")[:most].strip("/ ")
    if not any(one.isalnum() for one in cut):
        raise Invalid(field, f"{shown(text)!r} has no letter that a bank takes", ALLOWED)
    return cut


def exact(text: str, *, field: str, most: int) -> str:
    """A reference as it is: a letter changed is another one; raises Invalid where no bank would take it."""
    if text != text.strip() or not text or len(text) > most or not _FITS.fullmatch(text):
        allowed = f"1 to {most} of {ALLOWED}, none of these at its ends"
        raise Invalid(field, f"{shown(text)!r} is nothing that a bank takes", allowed)
    if text[0] == "/" or text[-1] == "/" or "//" in text:
        raise Invalid(field, f"{shown(text)!r} has slashes where a bank takes none", "single ones within")
    return text
