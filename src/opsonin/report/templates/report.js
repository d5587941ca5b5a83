// Draws every figure from the JSON beside it, and saves figures as SVG and their values as CSV. No network.
"use strict";
(function () {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const quoted = (cell) => {
    const text = cell === null || cell === undefined ? "" : String(cell);
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  };
  const save = (name, kind, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const csv = (name) => {
    const values = read("values-" + name);
    const lines = [values.columns, ...values.rows].map((row) => row.map(quoted).join(","));
    return "\ufeff" + lines.join("\r\n") + "\r\n";
  };
  document.querySelectorAll(".figure").forEach((figure) => {
    const name = figure.id;
    const drawing = read("drawing-" + name);
    Plotly.newPlot("plot-" + name, drawing.data, drawing.layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
      toImageButtonOptions: { format: "svg", filename: name },
    });
  });
  document.querySelectorAll("button[data-save]").forEach((button) => {
    button.addEventListener("click", () => {
      const name = button.dataset.figure;
      if (button.dataset.save === "picture") {
        const drawn = document.querySelector("#" + name + " svg");
        save(name + ".svg", "image/svg+xml;charset=utf-8", new XMLSerializer().serializeToString(drawn));
      } else if (button.dataset.save === "csv") {
        save(name + ".csv", "text/csv;charset=utf-8", csv(name));
      } else {
        Plotly.downloadImage("plot-" + name, { format: "svg", filename: name });
      }
    });
  });
  document.querySelectorAll(".picture .sheet").forEach((sheet) => {
    const turn = () => sheet.classList.toggle("full");
    sheet.addEventListener("click", turn);
    sheet.addEventListener("keydown", (event) => event.key === "Enter" && turn());
  });
  // what is folded on the screen belongs on paper; and a link into a folded part opens it
  const folds = document.querySelectorAll("details.fold");
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...folds].filter((fold) => !fold.open && !fold.classList.contains("long"));
    opened.forEach((fold) => (fold.open = true));
  });
  window.addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.getAttribute("href").slice(1), a]));
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) =>
        entries.forEach((entry) => {
          if (entry.isIntersecting) {
            links.forEach((a) => a.classList.remove("here"));
            const link = links.get(entry.target.id);
            if (link) link.classList.add("here");
          }
        }),
      { rootMargin: "-20% 0px -70% 0px" }
    );
    document.querySelectorAll(".chapter").forEach((chapter) => seen.observe(chapter));
  }
})();
