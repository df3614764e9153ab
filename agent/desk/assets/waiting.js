// The page of a till that is not enrolled. It asks how things stand and, once the till sells, becomes its page.

const ASK_MS = 2000;

const WORDS = {
  ru: {
    title: "Касса не подключена к офису", devices: "Устройства", none: "Смотрим, что подключено…", again: (s) => `Следующая попытка через ${s} с.`,
    office: "Офис:", version: "Версия", other: "English", register: "Касса", printer: "Принтер", display: "Дисплей", scanner: "Сканер",
    away: "Программа кассы перезапускается…",
  },
  en: {
    title: "This till is not enrolled", devices: "Devices", none: "Looking at what is connected…", again: (s) => `Trying again in ${s} s.`,
    office: "Head office:", version: "Version", other: "Русский", register: "Register", printer: "Printer", display: "Display", scanner: "Scanner",
    away: "The till program is restarting…",
  },
};

const main = document.getElementById("waiting");
let lang = document.documentElement.lang === "en" ? "en" : "ru";
let state = null;
let away = false;

function element(tag, className, ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

function device(finding) {
  const [kind, ...name] = finding.subject.split(" ");
  const subject = [WORDS[lang][kind] ?? kind, ...name].join(" ");
  return element("li", finding.level, element("span", "", element("strong", "", subject + ": "), finding.text[lang]));
}

function draw() {
  const words = WORDS[lang];
  document.documentElement.lang = lang;
  document.title = words.title;
  const mark = element("img");
  mark.src = "/assets/mark.svg";
  mark.alt = "";
  const other = element("button", "button small", words.other);
  other.addEventListener("click", () => {
    lang = lang === "ru" ? "en" : "ru";
    draw();
  });
  const parts = [element("div", "top", mark, element("h1", "", words.title), other)];
  if (away) parts.push(element("p", "reason", words.away));
  if (state && !away) {
    const reason = state.reason[lang] + (state.again ? " " + words.again(state.again) : "");
    parts.push(element("p", "reason", reason), element("p", "todo", state.todo[lang]));
    if (state.command) parts.push(element("code", "", state.command));
    const list = state.devices?.length ? state.devices.map(device) : [element("li", "", words.none)];
    parts.push(element("h2", "", words.devices), element("ul", "devices", ...list));
    parts.push(element("div", "foot", element("span", "", state.office ? `${words.office} ${state.office}` : ""), element("span", "", `${words.version} ${state.version}`)));
  }
  main.replaceChildren(...parts);
}

async function ask() {
  try {
    const answer = await fetch("/waiting.json", { cache: "no-store" });
    if (answer.status === 404) return location.reload(); // the till sells: this is its page now
    if (answer.ok) {
      state = await answer.json();
      away = false;
    }
  } catch {
    away = true;
  }
  draw();
  setTimeout(ask, ASK_MS);
}

draw();
ask();
