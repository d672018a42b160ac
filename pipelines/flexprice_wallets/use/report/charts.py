"""The charts, as Vega-Lite specifications. Colours are the page's business: it knows whether the screen is dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import localcontext
from typing import TYPE_CHECKING, Any, Final, Literal

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.use.report.asked import Row
from flexprice_wallets.use.report.formats import code, plain

if TYPE_CHECKING:
    import altair

Palette = Literal["parts", "books", "marks"]

_HEIGHT: Final = 200
#: From ten times a letter's amount on, an axis is written with it.
_LETTERS: Final = ((1_000_000_000, "bn"), (1_000_000, "M"), (1_000, "k"))
_TOTAL, _FREE, _PURCHASED, _OTHER = "outstanding", "free", "purchased", "other"
_UNSEEN: Final = "nobody looked"
_CLOSING: Final = "closing"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, what it shows said in words for those who cannot see it, and which of the page's colours it takes."""

    specification: str
    summary: str
    palette: Palette


def require_extra() -> None:
    """Make sure that the extra is installed.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        import altair  # noqa: F401
        import jinja2  # noqa: F401
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


def outstanding(currency: str, days: Sequence[Row], summary: str) -> Chart:
    """What is outstanding in one currency by day: its parts stacked, the whole as a line."""
    import altair as alt

    # A figure holds until the end of its day, so the last day gets an end, too.
    end = days[-1]["date_day"] + timedelta(days=1)
    points = [
        {
            "day": at.isoformat(),
            "part": part,
            "amount": float(day[name]),
            "exact": f"{plain(day[name])} {code(currency)}",
            "shown": day["date_day"].isoformat(),
        }
        for day, at in [*((day, day["date_day"]) for day in days), (days[-1], end)]
        for part, name in (
            (_TOTAL, "outstanding_balance"),
            (_FREE, "free_balance"),
            (_PURCHASED, "purchased_balance"),
            (_OTHER, "other_balance"),
        )
        if day[name] is not None
    ]
    unseen = [
        {
            "day": day["date_day"].isoformat(),
            "end": (day["date_day"] + timedelta(days=1)).isoformat(),
            "part": _UNSEEN,
        }
        for day in days
        if not day["is_observed"]
    ]
    shown = [_TOTAL, _PURCHASED, _FREE]
    if any(day["other_balance"] for day in days):
        shown.append(_OTHER)
    points = [point for point in points if point["part"] in shown]
    there = {point["part"] for point in points}
    shown = [part for part in shown if part in there]
    if unseen:
        shown.append(_UNSEEN)
    # Colours are the page's, by this order, whichever of them are there.
    order = [_TOTAL, _PURCHASED, _FREE, _OTHER, _UNSEEN]
    color = alt.Color(
        "part:N", scale=alt.Scale(domain=order), legend=_legend(values=shown, columns=3)
    )
    span = end - days[0]["date_day"]
    tooltip = [
        alt.Tooltip("shown:N", title="day"),
        alt.Tooltip("part:N", title="part"),
        alt.Tooltip("exact:N", title="amount"),
    ]
    y = _amount("amount", (float(day["outstanding_balance"]) for day in days), code(currency))
    x = _time("day", span)
    parts = [point for point in points if point["part"] != _TOTAL]
    stacked = (
        alt.Chart(_data(parts))
        .mark_area(interpolate="step-after", opacity=0.75)
        .encode(
            x=x,
            color=color,
            tooltip=tooltip,
            y=y.copy().stack("zero"),
            order=alt.Order("part:N", sort="descending"),
        )
    )
    line = (
        alt.Chart(_data([point for point in points if point["part"] == _TOTAL]))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(x=x, y=y, color=color, tooltip=tooltip)
    )
    layers = [stacked, line] if parts else [line]
    if unseen:
        layers.append(
            alt.Chart(_data(unseen))
            .mark_rect(opacity=0.35)
            .encode(
                x=x,
                x2=alt.X2("end:T"),
                color=color,
                tooltip=[alt.Tooltip("part:N", title="no load")],
            )
        )
    return _chart(alt.layer(*layers), summary, "parts")


def balance_steps(
    history: Sequence[Row], top_ups: Sequence[Row], until: datetime, summary: str
) -> Chart:
    """One wallet's settled balance as steps, a new line for each life, its rises marked; all in one currency."""
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
            "what": "rise",
            "shown": plain(top_up["changed_by"]),
            "exact": f"{plain(top_up['balance_delta'])} {code(currency)}",
        }
        for top_up in top_ups
    ]
    span = until - history[0]["valid_from"]
    y = _amount("balance", (point["balance"] or 0 for point in points), code(currency))
    steps = (
        alt.Chart(_data(points))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=_time("at", span),
            y=y,
            detail="life:N",
            tooltip=[_at_tooltip(), alt.Tooltip("exact:N", title="balance")],
        )
    )
    marked = (
        alt.Chart(_data(marks))
        .mark_point(shape="triangle-up", filled=True, size=90, opacity=1)
        .encode(
            x=_time("at", span),
            y=y,
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=["rise"]),
                legend=_legend("triangle-up"),
            ),
            tooltip=[_at_tooltip(), alt.Tooltip("exact:N", title="rise")],
        )
    )
    return _chart(steps + marked if marks else steps, summary, "marks")


def roll_forward(currency: str, months: Sequence[Row], summary: str) -> Chart:
    """The books of one currency: what came in above zero and what went below it, the closing as a line."""
    import altair as alt

    parts = {
        "put in": ("purchased", "granted", "refunded"),
        "used": ("used",),
        "expired or lost": ("expired", "terminated"),
        "corrected": ("adjusted", "other", "revaluation", "unexplained"),
    }
    with localcontext(prec=60):
        amounts = [
            (month, part, sum(month[f"{line}_amount"] for line in lines))
            for month in months
            for part, lines in parts.items()
        ]
    closing = [(month, _CLOSING, month["closing_amount"]) for month in months]
    bars, line = (_parts(drawn, currency) for drawn in (amounts, closing))
    highest = (point["amount"] for point in [*bars, *line])
    shown = [_CLOSING, *(part for part in parts if any(point["part"] == part for point in bars))]
    encoded = {
        "x": alt.X("month:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0)),
        "y": _amount("amount", highest, code(currency)),
        "color": alt.Color(
            "part:N",
            scale=alt.Scale(domain=[_CLOSING, *parts]),
            legend=_legend(values=shown, columns=3),
        ),
        "tooltip": [
            alt.Tooltip("month:N", title="month"),
            alt.Tooltip("part:N", title="part"),
            alt.Tooltip("exact:N", title="amount"),
        ],
    }
    stacked = alt.Chart(_data(bars)).mark_bar(opacity=0.75).encode(**encoded)
    ends = alt.Chart(_data(line)).mark_line(strokeWidth=2, point=True).encode(**encoded)
    return _chart(alt.layer(stacked, ends), summary, "books")


def _parts(drawn: Iterable[tuple[Row, str, Any]], currency: str) -> list[dict[str, Any]]:
    return [
        {
            "month": f"{month['month']:%Y-%m}",
            "part": part,
            "amount": float(amount),
            "exact": f"{plain(amount)} {code(currency)}",
        }
        for month, part, amount in drawn
        if amount or part == _CLOSING
    ]


def _chart(
    chart: altair.LayerChart | altair.FacetChart | altair.Chart,
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


def _amount(name: str, amounts: Iterable[float], unit: str) -> altair.Y:
    """An axis of amounts that names its unit and its zero, and writes neither `0M` nor `1e+3`."""
    import altair as alt

    highest = max((abs(amount) for amount in amounts), default=0)
    scale, letter = next(
        ((scale, letter) for scale, letter in _LETTERS if highest >= 10 * scale), (1, "")
    )
    places = "1~f" if scale > 1 else "," if highest >= 10 else ".6~f"
    written = f"format(datum.value / {scale}, '{'.' if scale > 1 else ''}{places}') + '{letter}'"
    axis = alt.Axis(tickCount=4, labelExpr=f"datum.value === 0 ? '0' : {written}")
    return alt.Y(f"{name}:Q", title=unit, axis=axis)


def _legend(symbol: str = "square", **more: Any) -> altair.Legend:
    import altair as alt

    return alt.Legend(title=None, orient="top", direction="horizontal", symbolType=symbol, **more)


def _at_tooltip() -> altair.Tooltip:
    import altair as alt

    return alt.Tooltip("shown:N", title="from")


def _point(interval: Row, at: datetime) -> dict[str, Any]:
    return {
        "at": _moment(at),
        "shown": plain(interval["valid_from"]),
        "balance": None if interval["balance"] is None else float(interval["balance"]),
        "life": interval["life_number"],
        "exact": f"{plain(interval['balance'])} {code(interval['currency'])}",
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
