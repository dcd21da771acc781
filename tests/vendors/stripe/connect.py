"""Connected accounts as Stripe documents them: their owner is asked, Stripe looks, and may ask again."""

from typing import TYPE_CHECKING

from tests.vendors.stripe.cards import SOON, Json, Refusal, invalid

if TYPE_CHECKING:
    from tests.vendors.stripe.books import Books

_FIRST = [
    "business_type",
    "external_account",
    "individual.first_name",
    "individual.dob.day",
    "tos_acceptance.date",
]
_DOCUMENT = "individual.verification.document"
# Where Connect opens no accounts.
_NOT_THERE = {"ZW"}
FAULTS = {"answers too late": "drop_after", "never arrives": "drop_before", "is down once": "429"}


class Connect:
    """`choose` says what becomes of the accounts that are opened from then on."""

    def __init__(self, books: "Books") -> None:
        self.books, self.outcome = books, "succeeds"

    def choose(self, outcome: str) -> None:
        self.outcome = outcome

    def create(self, form: Json) -> Json:
        if form.get("country") in _NOT_THERE:
            raise invalid("country_unsupported", "country")
        account = self.books.new(
            "acct",
            "account",
            metadata=form.get("metadata", {}),
            country=form.get("country", "US"),
            controller=form["controller"],
            business_profile=form.get("business_profile", {}),
            charges_enabled=False,
            payouts_enabled=False,
            details_submitted=False,
            external_accounts={"object": "list", "data": [], "has_more": False},
            _outcome=self.outcome,
        )
        account["id"] = self._renamed(account)
        self._ask(account, _FIRST)
        return account

    def _renamed(self, account: Json) -> str:
        """As Stripe's ids are: letters and digits behind the mark."""
        objects = self.books.objects
        del objects[account["id"]]
        key = f"acct_1Played{account['_number']}"
        objects[key] = account
        return key

    def link(self, form: Json) -> Json:
        account = self.books.get(form["account"], "account", "account")
        if form["type"] != "account_onboarding" or not {"return_url", "refresh_url"} <= form.keys():
            raise invalid("parameter_missing", "return_url")
        number = next(self.books.numbers)
        return {
            "object": "account_link",
            "created": self.books.now,
            "expires_at": self.books.now + 300,
            "url": f"https://connect.stripe.com/setup/e/{account['id']}/{number}",
        }

    def submit(self, reference: str) -> None:
        """What its owner does on Stripe's pages."""
        with self.books.lock:
            (account,) = [
                one
                for one in self.books.of("account")
                if one["metadata"].get("marketplace_reference") == reference
            ]
            bank = {"object": "bank_account", "id": "ba_1", "bank_name": "STRIPE TEST BANK", "last4": "6789"}
            account["external_accounts"]["data"] = [bank]
            account["details_submitted"] = True
            match account["_outcome"]:
                case "is looked at":
                    self._look(account)
                    self.books.later(SOON, lambda: self._activate(account))
                case "is asked for more":
                    self._look(account)
                    self.books.later(SOON, lambda: self._ask(account, [_DOCUMENT]))
                case "is rejected":
                    self._look(account)
                    self.books.later(SOON, lambda: self.stand(account, "rejected.fraud"))
                case "is restricted":
                    self._activate(account)
                    self.books.later(SOON, lambda: self._ask(account, [_DOCUMENT]))
                    account["_outcome"] = "succeeds"
                case _:
                    self._activate(account)

    def check_seen(self, account: Json) -> None:
        """Whoever has withdrawn from the platform is not shown to it."""
        if account.get("_hidden"):
            raise Refusal(403, type="invalid_request_error", code="account_invalid", message="no access")

    def receives(self, key: str) -> bool:
        account = self.books.objects.get(key, {})
        return account.get("object") == "account" and account["capabilities"]["transfers"] == "active"

    def _activate(self, account: Json) -> None:
        self.stand(account, None, transfers="active")

    def _ask(self, account: Json, names: list[str]) -> None:
        self.stand(account, "requirements.past_due", due=names)

    def _look(self, account: Json) -> None:
        self.stand(account, "requirements.pending_verification", pending=[_DOCUMENT], transfers="pending")

    def stand(
        self,
        account: Json,
        reason: str | None,
        *,
        due: list[str] | None = None,
        pending: list[str] | None = None,
        transfers: str = "inactive",
    ) -> None:
        account["payouts_enabled"] = transfers == "active"
        account["capabilities"] = {"transfers": transfers}
        account["requirements"] = {
            "currently_due": due or [],
            "past_due": due or [],
            "eventually_due": due or [],
            "pending_verification": pending or [],
            "disabled_reason": reason,
            "errors": [],
        }
        self.books.tell("account.updated", account)
