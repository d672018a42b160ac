"""A warehouse belongs to one tenant and one environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from flexprice_wallets.errors import ForeignAnswer


@dataclass(slots=True)
class Ownership:
    """Whose records are taken; None until the first record says it."""

    tenant_id: str | None = None
    environment_id: str | None = None

    def check(self, tenant_id: str | None, environment_id: str | None) -> None:
        """Note whose record this is.

        Raises:
            ForeignAnswer: where it is somebody else's.
        """
        if tenant_id == self.tenant_id and environment_id == self.environment_id:
            return
        if self.tenant_id is None and self.environment_id is None:
            self.tenant_id, self.environment_id = tenant_id, environment_id
            return
        raise ForeignAnswer(
            f"The API answers for tenant {tenant_id}, environment {environment_id}, but the warehouse holds tenant "
            f"{self.tenant_id}, environment {self.environment_id}: use that one's key, or another --database."
        )
