"use strict";

// The leaderboard: each column's name is a button that sorts by it; empty cells come last.
const number = (text) => {
  const value = parseFloat(text);
  return Number.isNaN(value) ? null : value;
};

const sortBy = (table, place, upwards) => {
  const body = table.tBodies[0];
  const cells = [...body.rows].map((row) => [row.cells[place].textContent.trim(), row]);
  const numeric = cells.every(([text]) => text === "" || /^[-+]?[\d.]/.test(text));
  cells.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const apart = numeric ? number(a) - number(b) : a.localeCompare(b);
    return upwards ? apart : -apart;
  });
  body.append(...cells.map(([, row]) => row));
};

for (const table of document.querySelectorAll(".sortable table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const upwards = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
      sortBy(table, place, upwards);
    });
  });
}

// Copying: where the browser does not allow it, the text is selected for the reader to copy.
const told = document.getElementById("told");

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
      told.textContent = "Copied";
    } catch {
      select(source);
      label.data = "Selected";
      told.textContent = "Selected; press Ctrl+C to copy";
    }
    setTimeout(() => { label.data = "Copy"; told.textContent = ""; }, 2000);
  });
}

for (const element of document.querySelectorAll(".script-only")) element.hidden = false;
