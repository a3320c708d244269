// The claims ledger: shows the claims of one verdict. Without scripts all of them are shown.
document.addEventListener("DOMContentLoaded", () => {
  const tables = [...document.querySelectorAll("table.claims")];
  const rows = tables.flatMap((table) => [...table.querySelectorAll(":scope > tbody > tr")]);
  const kinds = [
    ["", "all"],
    ["holds", "holds"],
    ["partly", "partly"],
    ["fails", "fails"],
    ["untested", "cannot be tested here"],
  ];
  const counts = new Map(
    kinds.map(([kind]) => [
      kind,
      rows.filter((row) => !kind || row.classList.contains(`verdict-${kind}`)).length,
    ]),
  );
  if (rows.length < 20) return; // A short table needs no filter.
  const group = document.createElement("fieldset");
  group.className = "claim-filter";
  group.innerHTML = "<legend>Show claims whose verdict is</legend>";
  const told = document.createElement("output");
  for (const [kind, label] of kinds) {
    const option = document.createElement("label");
    option.innerHTML = `<input type="radio" name="verdict" value="${kind}"> ${label}`;
    const input = option.firstElementChild;
    input.checked = kind === "";
    input.addEventListener("change", () => {
      for (const row of rows) row.hidden = Boolean(kind) && !row.classList.contains(`verdict-${kind}`);
      told.textContent = `${counts.get(kind)} of ${rows.length} claims shown`;
    });
    group.append(option);
  }
  told.textContent = `${rows.length} claims shown`;
  group.append(told);
  tables[0].closest(".pst-scrollable-table-container, table").before(group);
  // A link to one claim opens its evidence.
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    const row = target?.closest("table.claims > tbody > tr");
    row?.querySelector("details")?.setAttribute("open", "");
    target?.scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  if (location.hash.startsWith("#claim-")) open();
});
