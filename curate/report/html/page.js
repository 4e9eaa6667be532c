"use strict";
// Reads the columns of findings that listing.py writes, and shows those that fit the filter.
(() => {
  const PER_PAGE = 100;
  const HOLE = "\x1f";
  const told = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);

  function unrun(column) {
    if (Array.isArray(column)) return column;
    const values = [];
    for (let n = 0; n < column.runs.length; n += 2) {
      for (let k = 0; k < column.runs[n + 1]; k++) values.push(column.runs[n]);
    }
    return values;
  }

  function unfront(coded) {
    const words = [];
    for (let n = 0; n < coded.length; n += 2) {
      words.push((n ? words[words.length - 1].slice(0, coded[n]) : "") + coded[n + 1]);
    }
    return words;
  }

  const columns = {};
  for (const name of Object.keys(told.columns)) columns[name] = unrun(told.columns[name]);
  for (const name of ["image", "file"]) {
    told.words[name] = unfront(told.words[name]);
    let sum = 0;
    columns[name] = columns[name].map((step) => (sum += step));
  }
  const nRows = columns.check.length;
  const numbers = nRows ? told.numbers.split("|") : [];
  const idBytes = atob(told.ids);
  const haystacks = new Array(nRows);

  const word = (name, row) => told.words[name][columns[name][row]] ?? "";

  function message(row) {
    const parts = word("template", row).split(HOLE);
    const own = numbers[row].split(" ");
    return parts.map((part, n) => (n ? own[n - 1] : "") + part).join("");
  }

  function findingId(row) {
    let hex = "";
    for (let n = 8 * row; n < 8 * row + 8; n++) {
      hex += idBytes.charCodeAt(n).toString(16).padStart(2, "0");
    }
    return hex;
  }

  const own = (row) => (columns.own[row] === null ? "" : `[${columns.own[row]}]`);

  function place(row) {
    const line = columns.line[row];
    return word("file", row) + (line === null ? "" : `:${line}`);
  }

  function classesOf(row) {
    return told.groups[columns.group[row]].map((n) => told.classes[n]).join(", ");
  }

  function haystack(row) {
    haystacks[row] ??= [
      word("check", row), message(row), word("image", row), own(row), place(row),
      classesOf(row), findingId(row), word("mend", row), word("definition", row),
    ].join("\n").toLowerCase();
    return haystacks[row];
  }

  function fitting() {
    const text = at("by-text").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const check = at("by-check").value;
    const group = at("by-class").value;
    const source = at("by-source").value;
    const levels = told.levels.map((level) => at(`by-${level}`).checked);
    const groups = told.groups.map((own) => group === "" || own.includes(Number(group)));
    const checks = told.words.check.map((code) => check === "" || code === check);
    return (row) =>
      levels[columns.level[row]] &&
      checks[columns.check[row]] &&
      groups[columns.group[row]] &&
      (source === "" || columns.source[row] === Number(source)) &&
      text.every((part) => haystack(row).includes(part));
  }

  function made(name, text, kind) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  }

  function memberLine(member) {
    return [member.place, member.image, member.own, member.said].filter(Boolean).join(" ");
  }

  function more(row) {
    const list = made("dl");
    const pairs = [
      ["Usual mend", word("mend", row)],
      ["Classes", classesOf(row)],
      ["Definition", word("definition", row)],
      ["Finding id", findingId(row)],
    ];
    for (const [name, text] of pairs) {
      if (text) list.append(made("dt", name), made("dd", text));
    }
    const members = told.members[row] ?? [];
    if (columns.members[row] > 1) {
      const count = columns.members[row].toLocaleString("en");
      const shown = members.length < columns.members[row] ? `, the first ${members.length}` : "";
      const lines = made("ul");
      for (const member of members) lines.append(made("li", memberLine(member)));
      const cell = made("dd");
      cell.append(lines);
      list.append(made("dt", `Members: ${count}${shown}`), cell);
    }
    return list;
  }

  function tableRow(row) {
    const line = made("tr");
    const level = made("td");
    level.append(made("span", told.levels[columns.level[row]], `badge ${told.levels[columns.level[row]]}`));
    const check = made("td");
    check.append(made("code", word("check", row)));
    const where = made("td", undefined, "where");
    if (word("image", row)) where.append(made("b", `${word("image", row)} ${own(row)}`));
    where.append(made("span", place(row)));
    const what = made("td");
    const details = made("details");
    details.append(made("summary", message(row)));
    // What few people open is made when they do.
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(more(row));
    });
    what.append(details);
    line.append(level, check, where, what);
    return line;
  }

  let rows = [];
  let page = 0;

  function showPage() {
    const nPages = Math.max(Math.ceil(rows.length / PER_PAGE), 1);
    page = Math.min(Math.max(page, 0), nPages - 1);
    const first = page * PER_PAGE;
    const shown = rows.slice(first, first + PER_PAGE);
    at("rows").replaceChildren(...shown.map(tableRow));
    at("page").textContent = `Page ${(page + 1).toLocaleString("en")} of ${nPages.toLocaleString("en")}`;
    at("previous").disabled = page === 0;
    at("next").disabled = page === nPages - 1;
  }

  function show() {
    const fits = fitting();
    rows = [];
    for (let row = 0; row < nRows; row++) if (fits(row)) rows.push(row);
    const count = rows.length.toLocaleString("en");
    at("matching").textContent = `${count} of ${nRows.toLocaleString("en")} findings`;
    if (at("by-image").checked) {
      // Findings about no image come last.
      const order = (row) => (columns.image[row] < 0 ? Infinity : columns.image[row]);
      rows.sort((a, b) => order(a) - order(b) || a - b);
    }
    const check = at("by-check").value;
    const isFiltered = rows.length < nRows;
    for (const sheet of document.querySelectorAll(".sheet")) {
      let nShown = 0;
      for (const figure of sheet.querySelectorAll("figure")) {
        figure.hidden = !fits(Number(figure.dataset.row));
        nShown += figure.hidden ? 0 : 1;
      }
      sheet.hidden = isFiltered && nShown === 0 && sheet.dataset.check !== check;
    }
    page = 0;
    showPage();
  }

  let waiting;
  at("filter").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 120);
  });
  at("filter").addEventListener("reset", () => setTimeout(show));
  at("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  at("by-image").addEventListener("change", show);
  at("previous").addEventListener("click", () => { page--; showPage(); });
  at("next").addEventListener("click", () => { page++; showPage(); });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter]");
    if (!button) return;
    at("filter").reset();
    at(`by-${button.dataset.filter}`).value = button.dataset.value;
    show();
    at("work").scrollIntoView();
    at(`by-${button.dataset.filter}`).focus({ preventScroll: true });
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input[type=search], select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      at("by-text").focus();
    }
  });

  show();
})();
