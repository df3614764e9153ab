// Renews the parts of a page that are marked as live when head office says that something has come, and
// gives the keyboard two short cuts. Every page works without this module.

const between = 1500; // ms between two renewals, however fast records arrive
const again = 5000; // ms until a stream that was refused, or a renewal that failed, is tried again
const regions = () => [...document.querySelectorAll("[data-live]")];
const lamp = document.querySelector(".live");

let stream = null;
let missed = false; // the stream was away: what came meanwhile was told to nobody
let waiting = false;
let last = 0;

function interested(news) {
  return regions().some((r) => r.dataset.live.split(" ").some((topic) => news[topic]));
}

function show(on) {
  if (!lamp) return;
  lamp.dataset.on = on ? "yes" : "no";
  lamp.textContent = on ? lamp.dataset.yes : lamp.dataset.no;
}

function renewSoon(pause = between) {
  if (waiting) return;
  waiting = true;
  setTimeout(renew, Math.max(0, last + pause - Date.now()));
}

async function renew() {
  waiting = false;
  last = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { "X-Kopilka-Live": "1" } });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (stream?.readyState === EventSource.OPEN) show(true);
  } catch {
    show(false);
    renewSoon(again);
  }
}

// busy tells whether somebody is typing in a region, or has typed there and not sent it yet.
function busy(region) {
  return region.querySelector("input:focus, select:focus, textarea:focus") || [...region.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);
}

// put exchanges the regions; what is being typed in or read by the keyboard stays where it is, and what was opened
// stays open.
function put(fresh) {
  for (const old of regions()) {
    const now = fresh.getElementById(old.id);
    if (!now || now.innerHTML === old.innerHTML || busy(old)) continue;
    const opened = [...old.querySelectorAll("details")].map((details) => details.open);
    const known = new Set([...old.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const scrolled = old.scrollTop;
    old.replaceChildren(...now.childNodes);
    old.querySelectorAll("details").forEach((details, i) => { details.open ||= opened[i] === true; });
    old.scrollTop = scrolled;
    for (const row of old.querySelectorAll("[data-key]")) {
      if (known.size > 0 && !known.has(row.dataset.key)) row.classList.add("fresh");
    }
    if (focused) [...old.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }
}

function listen() {
  if (stream || document.hidden || regions().length === 0) return;
  stream = new EventSource("/live");
  stream.addEventListener("open", () => {
    show(true);
    if (missed) renewSoon();
    missed = false;
  });
  stream.addEventListener("error", () => {
    show(false);
    missed = true;
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    stream = null; // refused, by a proxy while head office restarts, or because the sign-in has ended: the renewal finds out
    setTimeout(listen, again);
    renewSoon(again);
  });
  stream.addEventListener("news", (event) => {
    if (interested(JSON.parse(event.data))) renewSoon();
  });
}

// A hidden tab lets go of its connection: browsers allow six to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
    return;
  }
  listen();
  if (regions().length > 0) renewSoon();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.("input, select, textarea")) return;
  if (event.key === "/") {
    const box = document.querySelector("[data-search]");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-print]");
  if (!button) return;
  if (button.dataset.print !== undefined) {
    window.print();
    return;
  }
  await navigator.clipboard?.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  button.textContent = button.dataset.copied;
});

// A summary of problems is what a screen reader should hear first.
document.querySelector("[data-problems]")?.focus();

listen();
