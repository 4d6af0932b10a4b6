(() => {
  const plots = [...document.querySelectorAll(".plotly-graph-div")];
  let following = false;
  for (const plot of plots) {
    plot.on("plotly_relayout", (change) => {
      if (following || !Object.keys(change).some((key) => key.startsWith("xaxis"))) return;
      following = true;
      const range = plot.layout.xaxis.range.slice();
      const others = plots.filter((other) => other !== plot);
      Promise.all(others.map((other) => Plotly.relayout(other, { "xaxis.range": range })))
        .finally(() => { following = false; });
    });
  }
  // A finger on a plot must scroll the page; the buttons still zoom.
  if (matchMedia("(pointer: coarse)").matches) {
    for (const plot of plots) Plotly.relayout(plot, { dragmode: false });
  }
  const resize = (width) => {
    for (const plot of plots) Plotly.relayout(plot, width ? { width } : { width: null, autosize: true });
  };
  addEventListener("beforeprint", () => resize(660));
  addEventListener("afterprint", () => resize(null));
})();
