"use strict";
(() => {
  const schemes = {
    light: {
      text: "#3c4453", rule: "#d9dde5", line: "#1f4e8c",
      parts: ["#12233f", "#4c82c3", "#e0a458"], marks: ["#b4530a"], runs: ["#4c82c3", "#c2410c"],
    },
    dark: {
      text: "#c3cad6", rule: "#39414f", line: "#8ab4f8",
      parts: ["#f4f6fa", "#4a7ebb", "#c58a3d"], marks: ["#ffb86b"], runs: ["#6c9fe0", "#ff8a5c"],
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

  prefersDark.addEventListener("change", drawAll);
  drawAll();
})();
