"""Every class whose rows are stored, each with the fields of its indexes; the tenant stands before them."""

from marketplace.core.shared.events import Event
from marketplace.core.tenants.tenant import Tenant

STORED: dict[type, tuple[tuple[str, ...], ...]] = {
    Event: (),
    Tenant: (),
}
