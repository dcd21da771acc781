"""What Stripe wants to know is told in words that a provider understands, each once."""

import re

# By the names of https://docs.stripe.com/api/accounts/object#account_object-requirements; the first counts.
_WORDS = (
    (r"external_account", "a bank account"),
    (r"tos_acceptance\..*", "agreement to Stripe's terms"),
    (r"business_type", "whether it is a person or a company"),
    (r"business_profile\.mcc", "the kind of business"),
    (r"business_profile\.(url|product_description)", "a website, or what is sold"),
    (r".*\.verification\.(document|additional_document|proof_of_liveness)(\..*)?", "proof of identity"),
    (r"company\.(tax_id|vat_id)(_.*)?", "the company's tax number"),
    (r".*\.(id_number|ssn_last_4)", "an identity number"),
    (r".*\.dob\..*", "a date of birth"),
    (r".*\.address\..*", "an address"),
    (r".*\.(first_name|last_name|name)", "a name"),
    (r".*\.email", "an e-mail address"),
    (r".*\.phone", "a phone number"),
    (r"(owners|representative|directors|executives)\..*", "the people behind the company"),
)
_PATTERNS = tuple((re.compile(pattern), words) for pattern, words in _WORDS)


def in_plain_words(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_said, names)))


def _said(name: str) -> str:
    found = (words for pattern, words in _PATTERNS if pattern.fullmatch(name))
    return next(found, name.rpartition(".")[2].replace("_", " "))
