"""The columns of each view and of the macro, as an empty warehouse has them."""

from __future__ import annotations

from functools import cache

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import empty_warehouse


@cache
def view_columns() -> dict[str, list[str]]:
    with empty_warehouse() as connection:
        apply_snapshots(connection)
        create_views(connection)
        return {
            view.name: [
                row[0]
                for row in connection.execute(
                    f"describe select * from flexprice.{view.name}{f'({view.arguments})' * (view.type == 'macro')}"
                ).fetchall()
            ]
            for view in views()
        }
