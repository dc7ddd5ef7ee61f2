// Draws the figures that stand in the page as JSON. Strings like "@blue" are colours of the reader's theme.
(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 820px)");

  // Only where plotly expects a colour: a name that begins with an @ is a name.
  const coloured = (value, theme, key = "") => {
    if (typeof value === "string") {
      return /color$/.test(key) && value[0] === "@" ? theme.getPropertyValue("--" + value.slice(1)).trim() : value;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "object" || /color$/.test(key) ? value.map((one) => coloured(one, theme, key)) : value;
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, theme, name)]));
  };

  const axis = (given, theme) => ({
    gridcolor: theme.getPropertyValue("--grid"),
    linecolor: theme.getPropertyValue("--line"),
    zerolinecolor: theme.getPropertyValue("--line"),
    automargin: true,
    ...given,
    title: { standoff: 8, font: { size: 12, color: theme.getPropertyValue("--muted") }, ...(given || {}).title },
  });

  const draw = () => {
    const theme = getComputedStyle(document.documentElement);
    const text = theme.getPropertyValue("--text").trim();
    for (const place of document.querySelectorAll("[data-chart]")) {
      const figure = coloured(figures[place.dataset.chart], theme);
      const layout = {
        margin: { l: 52, r: 12, t: 22, b: 44 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: "system-ui, sans-serif", size: 12, color: text },
        hovermode: "x unified",
        hoverlabel: { bgcolor: theme.getPropertyValue("--panel").trim(), font: { color: text } },
        legend: { orientation: "h", x: 0, y: -0.22, yanchor: "top", font: { size: 11 }, traceorder: "normal" },
        showlegend: figure.data.length > 1,
        dragmode: narrow.matches ? false : "zoom",
        ...figure.layout,
        xaxis: axis(figure.layout.xaxis, theme),
        yaxis: axis(figure.layout.yaxis, theme),
      };
      Plotly.react(place, figure.data, layout, {
        responsive: true,
        displayModeBar: false,
      });
    }
    document.documentElement.dataset.drawn = String(Object.keys(figures).length);
  };

  dark.addEventListener("change", draw);
  draw();
})();
