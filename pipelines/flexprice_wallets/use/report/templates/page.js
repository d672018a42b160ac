"use strict";
(() => {
  const schemes = {
    light: {
      text: "#3c4453", rule: "#d9dde5", line: "#1f4e8c",
      parts: ["#12233f", "#4c82c3", "#e0a458", "#7b8794", "#8a94a6"],
      books: ["#12233f", "#4c82c3", "#e0a458", "#b4465a", "#7b8794"], marks: ["#b4530a"],
    },
    dark: {
      text: "#c3cad6", rule: "#39414f", line: "#8ab4f8",
      parts: ["#f4f6fa", "#4a7ebb", "#c58a3d", "#9aa5b4", "#76839a"],
      books: ["#f4f6fa", "#4a7ebb", "#c58a3d", "#d0667a", "#9aa5b4"], marks: ["#ffb86b"],
    },
  };
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const places = Array.from(document.querySelectorAll("[data-chart]"));

  const configuration = (scheme, palette) => ({
    background: "transparent",
    font: "system-ui, sans-serif",
    mark: { color: scheme.line },
    range: { category: scheme[palette] },
    view: { stroke: null },
    axis: {
      labelColor: scheme.text, titleColor: scheme.text, domainColor: scheme.rule, tickColor: scheme.rule,
      gridColor: scheme.rule, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
    },
    legend: { labelColor: scheme.text, labelFontSize: 12 },
  });

  const draw = async (place) => {
    if (place.finalizeChart) place.finalizeChart();
    const theme = prefersDark.matches ? "dark" : "light";
    const specification = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    // Vega gives its element a role of its own; the place keeps the one that says the chart in words.
    const canvas = document.createElement("div");
    place.replaceChildren(canvas);
    const drawn = await vegaEmbed(canvas, specification, {
      actions: false,
      renderer: "svg",
      config: configuration(schemes[theme], place.dataset.palette),
      tooltip: { theme },
    });
    place.finalizeChart = () => drawn.finalize();
  };

  const drawAll = async () => {
    await Promise.all(places.map(draw));
    document.documentElement.dataset.drawn = String(places.length);
  };

  const sort = (button) => {
    const heading = button.closest("th");
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const isNumber = button.dataset.sort === "number";
    const first = isNumber ? "descending" : "ascending";
    const other = isNumber ? "ascending" : "descending";
    const order = heading.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[column].dataset.key;
    const compare = (a, b) => {
      // What is not known stays at the end either way.
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      return sign * (isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
    };
    for (const cell of heading.parentElement.cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    body.append(...Array.from(body.rows).sort(compare));
  };
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => sort(button));
  }

  prefersDark.addEventListener("change", drawAll);
  drawAll();
})();
