"use strict";
(() => {
  const root = document.documentElement;
  const kept = {
    get() { try { return localStorage.getItem("promptseg-paper"); } catch { return null; } },
    set(value) { try { localStorage.setItem("promptseg-paper", value); } catch { /* a page from a file may not keep anything */ } },
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const before = kept.get();
  if (before) root.dataset.paper = before;
  document.getElementById("paper").addEventListener("click", () => {
    const now = root.dataset.paper || (dark.matches ? "dark" : "light");
    root.dataset.paper = now === "dark" ? "light" : "dark";
    kept.set(root.dataset.paper);
  });

  const keyOf = (row, column) => {
    const cell = row.children[column];
    return "key" in cell.dataset ? Number(cell.dataset.key) : cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (heading) => {
    const table = heading.closest("table");
    const column = [...heading.parentElement.children].indexOf(heading);
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [keyOf(row, column), row]);
    const numbers = rows.some(([key]) => typeof key === "number");
    const was = heading.getAttribute("aria-sort");
    const first = numbers ? "descending" : "ascending";
    const second = numbers ? "ascending" : "descending";
    const order = was === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    rows.sort(([a], [b]) => {
      const empty = Number.isNaN(a) - Number.isNaN(b);
      return empty || sign * compare(a, b);
    });
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", order);
    body.append(...rows.map(([, row]) => row));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("table.sortable thead button");
    if (button) sort(button.closest("th"));
  });

  const show = (tab) => {
    for (const other of tab.parentElement.children) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).classList.toggle("shown", chosen);
    }
  };
  for (const list of document.querySelectorAll(".tablist")) {
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) show(tab);
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const tabs = [...list.children];
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      show(next);
      next.focus();
      event.preventDefault();
    });
  }

  const unfold = () => {
    const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    place.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
