// The page of one counter: taps become scans, switches become troubles, and what the register prints
// comes by itself over one event stream.
const $ = (selector, root = document) => root.querySelector(selector);
const words = JSON.parse($("#words").textContent);
const base = `/counters/${document.body.dataset.counter}`;

let toastTimer;
function say(text, bad = false) {
  const toast = $("#toast");
  toast.textContent = text;
  toast.className = bad ? "bad" : "";
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, bad ? 6000 : 1800);
}

async function post(path, body) {
  try {
    const answer = await fetch(base + path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  } catch (error) {
    say(`${words.failed}: ${error.message}`, true);
    return null;
  }
}

async function scan(code, grams = 0) {
  const done = await post("/scan", { code, grams });
  if (done) say(`${words.typed}: ${done.typed}`);
  return done;
}

// The shelf.
const scales = $("#scales");
let onScales = "";
document.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  tile.classList.add("hit");
  setTimeout(() => tile.classList.remove("hit"), 160);
  if (!("weighed" in tile.dataset)) { scan(tile.dataset.code); return; }
  onScales = tile.dataset.code;
  $("#scales-name").textContent = tile.dataset.name;
  scales.returnValue = "cancel";
  scales.showModal();
  $("#grams").select();
});
scales.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-grams]");
  if (preset) $("#grams").value = preset.dataset.grams;
});
scales.addEventListener("close", () => {
  if (scales.returnValue === "weigh") scan(onScales, Number($("#grams").value));
});
$("#scales .cancel").addEventListener("click", () => scales.close("cancel"));

$("#search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLocaleLowerCase();
  let shown = 0;
  for (const item of document.querySelectorAll("#products > li[data-find]")) {
    item.hidden = !item.dataset.find.toLocaleLowerCase().includes(wanted);
    if (!item.hidden) shown += 1;
  }
  $("#nothing").hidden = shown > 0 || wanted === "";
});
// Enter takes the first product found. Forms and not key events: a key that opens or closes a dialog
// would go on into whatever gets the focus.
$("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  $("#products > li:not([hidden]) .tile")?.click();
});
$("#free").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = $("#code");
  if (field.value && await scan(field.value)) field.value = "";
  field.focus();
});

// The switches.
for (const button of document.querySelectorAll("[data-switch]")) {
  button.addEventListener("click", () => post("/switch", {
    name: button.dataset.switch, on: button.getAttribute("aria-checked") !== "true",
  }).then((view) => view && show(view)));
}
for (const button of document.querySelectorAll("[data-once]")) {
  button.addEventListener("click", () => post("/switch", { name: button.dataset.once, on: true }).then((view) => view && show(view)));
}

// The state.
function lamp(register) {
  if (!register.power) return ["bad", words["m-off"]];
  if (!register.cable) return ["bad", words["m-cable"]];
  if (register.cover) return ["bad", words["m-cover"]];
  if (!register.paper) return ["bad", words["m-paper"]];
  if (register.waits) return ["bad", words["m-resume"]];
  if (register.document) return ["busy", words["m-doc"]];
  if (register.dateAsked) return ["busy", words["m-date"]];
  if (register.shiftExpired) return ["bad", words["m-expired"]];
  return register.shiftOpen ? ["calm", words["m-open"]] : ["idle", words["m-closed"]];
}
const money = (kopecks) => `${Math.floor(kopecks / 100)}${words.point}${String(kopecks % 100).padStart(2, "0")} ${words.rub}`;
function put(name, text, bad = false) {
  const cell = $(`[data-of=${name}]`);
  cell.textContent = text;
  cell.dataset.bad = bad;
}
function show(view) {
  const register = view.register;
  const [tone, text] = lamp(register);
  $("#lamp").dataset.tone = tone;
  if ($("#lamp span").textContent !== text) $("#lamp span").textContent = text;
  let shift = register.shiftOpen ? words.open : words.closed;
  if (register.shiftExpired) shift = words.expired;
  put("shift", register.shift ? `№ ${register.shift}, ${shift}` : shift, register.shiftExpired);
  put("receipt", register.receipt ? `№ ${register.receipt}` : "—");
  put("fd", `№ ${register.lastFd}`);
  put("unsent", register.unsent, register.unsent > 0 && !register.ofd);
  put("drawer", money(register.drawer));
  for (const button of document.querySelectorAll("[data-switch]")) {
    button.setAttribute("aria-checked", Boolean(view.switches[button.dataset.switch]));
  }
}

// The paper. A slip that has not been cut grows; a cut begins the next one.
const roll = $("#roll");
let slip = null;
let last = Number(document.body.dataset.last);
function line(item) {
  if (item.kind === "qr") {
    const image = document.createElement("img");
    image.className = "qr";
    image.src = `/qr.svg?t=${encodeURIComponent(item.text)}`;
    image.alt = `QR: ${item.text}`;
    image.addEventListener("load", down);
    return image;
  }
  const text = document.createElement("p");
  text.className = item.kind;
  text.textContent = item.text ?? "";
  return text;
}
function down() { roll.scrollTop = roll.scrollHeight; }
function print(lines) {
  $("#blank").hidden = true;
  for (const item of lines) {
    if (item.no <= last) continue;
    last = item.no;
    if (item.kind === "cut") { slip = null; continue; }
    if (!slip) {
      slip = document.createElement("article");
      slip.className = "slip new";
      roll.append(slip);
    }
    slip.append(line(item));
  }
  down();
}
if (document.body.dataset.cut === "false") slip = roll.lastElementChild;

show(JSON.parse($("#first").textContent));
down();
window.addEventListener("load", down);
const stream = new EventSource(`${base}/events?after=${last}`);
stream.addEventListener("state", (event) => show(JSON.parse(event.data)));
stream.addEventListener("tape", (event) => print(JSON.parse(event.data)));
stream.addEventListener("error", () => say(words.offline, true));
