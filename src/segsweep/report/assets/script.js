"use strict";

// Leaderboard: click a column header to sort; empty cells come last.
const number = (text) => {
  const value = parseFloat(text);
  return Number.isNaN(value) ? null : value;
};

const sortBy = (table, column, ascending) => {
  const body = table.tBodies[0];
  const cells = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
  const numeric = cells.every(([text]) => text === "" || /^[-+]?[\d.]/.test(text));
  cells.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const difference = numeric ? number(a) - number(b) : a.localeCompare(b);
    return ascending ? difference : -difference;
  });
  body.append(...cells.map(([, row]) => row));
};

for (const table of document.querySelectorAll(".sortable table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(table, column, ascending);
    });
  });
}

// Copy buttons: where the browser does not allow copying, the text is selected instead.
const status = document.getElementById("status");

const select = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};

for (const button of document.querySelectorAll(".copy")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.firstChild;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.data = "Copied";
      status.textContent = "Copied";
    } catch {
      select(source);
      label.data = "Selected";
      status.textContent = "Selected; press Ctrl+C to copy";
    }
    setTimeout(() => { label.data = "Copy"; status.textContent = ""; }, 2000);
  });
}

for (const element of document.querySelectorAll(".script-only")) element.hidden = false;
