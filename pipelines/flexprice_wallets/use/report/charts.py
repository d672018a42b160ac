"""The charts, as Vega-Lite specifications. Colours are the page's business: it knows whether the screen is dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.use.report.html import plain
from flexprice_wallets.use.report.queries import Row

if TYPE_CHECKING:
    import altair

Palette = Literal["parts", "marks", "runs"]

_HEIGHT: Final = 200
_SETTLED, _FREE, _PURCHASED = "settled balance", "free", "purchased"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, what it shows said in words for those who cannot see it, and which of the page's colours it takes."""

    specification: str
    summary: str
    palette: Palette


def require_altair() -> None:
    """Make sure that the extra is installed.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"The report needs {error.name}, which is not installed: pip install 'flexprice-wallets[report]'"
        ) from error


def scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version that Altair writes for."""
    import altair
    import vl_convert

    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # Without a snippet it is the whole bundle, which its types do not say.
    return vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]


def liability(currency: str, days: Sequence[Row], summary: str) -> Chart:
    """The outstanding amount of one currency by day: free and purchased stacked, the settled balance as a line."""
    import altair as alt

    points = [
        {
            "day": day["date_day"].isoformat(),
            "part": part,
            "amount": float(day[name]),
            "exact": f"{plain(day[name])} {currency}",
        }
        for day in days
        for part, name in (
            (_SETTLED, "outstanding_balance"),
            (_FREE, "free_amount"),
            (_PURCHASED, "purchased_amount"),
        )
        if day[name] is not None
    ]
    parts = alt.Scale(domain=[_SETTLED, _PURCHASED, _FREE])
    span = days[-1]["date_day"] - days[0]["date_day"]
    highest = max(float(day["outstanding_balance"]) for day in days)
    base = alt.Chart(_data(points)).encode(
        x=_time("day", span),
        color=alt.Color("part:N", scale=parts, legend=_legend()),
        tooltip=[
            alt.Tooltip("day:N", title="day"),
            alt.Tooltip("part:N", title="part"),
            alt.Tooltip("exact:N", title="amount"),
        ],
    )
    stacked = (
        base.mark_area(interpolate="step-after", opacity=0.75)
        .transform_filter(f"datum.part != '{_SETTLED}'")
        .encode(
            y=_amount("amount", highest, stack="zero"), order=alt.Order("part:N", sort="descending")
        )
    )
    line = (
        base.mark_line(interpolate="step-after", strokeWidth=2)
        .transform_filter(f"datum.part == '{_SETTLED}'")
        .encode(y=_amount("amount", highest))
    )
    return _chart(stacked + line, summary, "parts")


def balance_steps(
    history: Sequence[Row], top_ups: Sequence[Row], until: datetime, summary: str
) -> Chart:
    """One wallet's settled balance as steps, a new line for each life, with its top-ups marked."""
    import altair as alt

    currency = history[-1]["currency"]
    points = []
    for number, interval in enumerate(history):
        points.append(_point(interval, interval["valid_from"]))
        following = history[number + 1] if number + 1 < len(history) else None
        if following is None or following["life_number"] != interval["life_number"]:
            points.append(_point(interval, interval["valid_to"] or until))
    marks = [
        {
            "at": _moment(top_up["changed_by"]),
            "balance": float(top_up["balance_after"]),
            "what": "top-up",
            "shown": plain(top_up["changed_by"]),
            "exact": f"{plain(top_up['balance_delta'])} {currency}",
        }
        for top_up in top_ups
    ]
    span = until - history[0]["valid_from"]
    highest = max((abs(point["balance"] or 0) for point in points), default=0)
    steps = (
        alt.Chart(_data(points))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=_time("at", span),
            y=_amount("balance", highest),
            detail="life:N",
            tooltip=[_at_tooltip(), alt.Tooltip("exact:N", title="balance")],
        )
    )
    marked = (
        alt.Chart(_data(marks))
        .mark_point(shape="triangle-up", filled=True, size=90, opacity=1)
        .encode(
            x=_time("at", span),
            y=_amount("balance", highest),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=["top-up"]),
                legend=_legend("triangle-up"),
            ),
            tooltip=[_at_tooltip(), alt.Tooltip("exact:N", title="top-up")],
        )
    )
    return _chart(steps + marked if marks else steps, summary, "marks")


def runs(snapshots: Sequence[Row], summary: str) -> Chart:
    """How many wallets changed in each run, partial runs in another colour."""
    import altair as alt

    points = [
        {
            "at": _moment(run["snapshot_at"]),
            "shown": plain(run["snapshot_at"]),
            "changed": run["wallets_changed"],
            "completeness": run["completeness"],
        }
        for run in snapshots
    ]
    bars = (
        alt.Chart(_data(points))
        .mark_bar(width={"band": 0.8})
        .encode(
            x=alt.X(
                "at:O",
                title=f"the last {len(points)} runs",
                sort=None,
                axis=alt.Axis(labels=False, ticks=False),
            ),
            y=alt.Y("changed:Q", title="wallets changed", axis=alt.Axis(tickCount=4)),
            color=alt.Color(
                "completeness:N",
                scale=alt.Scale(domain=["complete", "partial"]),
                legend=_legend(),
            ),
            tooltip=[
                alt.Tooltip("shown:N", title="snapshot"),
                alt.Tooltip("changed:Q", title="wallets changed"),
                alt.Tooltip("completeness:N"),
            ],
        )
    )
    return _chart(bars, summary, "runs", height=120)


def _chart(
    chart: altair.LayerChart | altair.Chart,
    summary: str,
    palette: Palette,
    height: int = _HEIGHT,
) -> Chart:
    import altair as alt

    sized = chart.properties(
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        description=summary,
    )
    return Chart(sized.to_json(indent=None), summary, palette)


def _data(points: list[dict[str, Any]]) -> altair.Data:
    """Points as they are: no limit on their number, no guessing of their types."""
    import altair as alt

    return alt.Data(values=points)  # type: ignore[no-untyped-call]


def _time(name: str, span: timedelta) -> altair.X:
    import altair as alt

    labels = "%-d %b" if span < timedelta(days=300) else "%b %Y"
    if span < timedelta(days=6):
        labels = "%-d %b %H:%M"
    return alt.X(
        f"{name}:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(labelOverlap=True, tickCount=5, grid=False, format=labels),
    )


def _amount(name: str, highest: float, **more: Any) -> altair.Y:
    import altair as alt

    # Thousands and millions get a letter; a hundredth must not become 10m.
    axis = alt.Axis(tickCount=4, format="~s" if highest >= 1000 else "~g")
    return alt.Y(f"{name}:Q", title=None, axis=axis, **more)


def _legend(symbol: str = "square") -> altair.Legend:
    import altair as alt

    return alt.Legend(title=None, orient="top", direction="horizontal", symbolType=symbol)


def _at_tooltip() -> altair.Tooltip:
    import altair as alt

    return alt.Tooltip("shown:N", title="from")


def _point(interval: Row, at: datetime) -> dict[str, Any]:
    return {
        "at": _moment(at),
        "shown": plain(interval["valid_from"]),
        "balance": None if interval["balance"] is None else float(interval["balance"]),
        "life": interval["life_number"],
        "exact": f"{plain(interval['balance'])} {interval['currency']}",
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
