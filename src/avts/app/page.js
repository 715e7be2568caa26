// The page of `avts app`: sends films, shows what the server says of them, and asks for what is to be done next.
// All words on films come from the server as text, or as HTML that it has escaped.
"use strict";

const BUSY_MS = 400;
const IDLE_MS = 3000;

// Codecs of sound by FFmpeg's name, as browsers are asked for them. A browser that lacks one plays the picture alone.
const SOUNDS = {
  aac: 'audio/mp4; codecs="mp4a.40.2"', mp3: "audio/mpeg", opus: 'audio/webm; codecs="opus"',
  vorbis: 'audio/webm; codecs="vorbis"', flac: 'audio/mp4; codecs="flac"', ac3: 'audio/mp4; codecs="ac-3"',
  eac3: 'audio/mp4; codecs="ec-3"', alac: 'audio/mp4; codecs="alac"',
};

const films = document.getElementById("films");
const drop = document.getElementById("drop");
const message = document.getElementById("message");
const range = document.getElementById("range");
const uploads = [];
let timer = 0;
let uploading = null;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function say(words) {
  message.textContent = words;
  message.hidden = !words;
}

async function ask(address, body) {
  try {
    const reply = await fetch(address, { method: "POST", body });
    const found = await reply.json();
    if (!reply.ok) say(found.error);
    return reply.ok ? found : null;
  } catch {
    say("The server does not answer. Is 'avts app' still running?");
    return null;
  } finally {
    refresh();
  }
}

// Films that are sent

function send(files) {
  say("");
  for (const file of files) {
    const words = element("span", { class: "words" }, "Waiting to be sent");
    const bar = element("progress", { max: 1, value: 0, "aria-label": `sending ${file.name}` });
    const cancel = element("button", { type: "button" }, "Cancel");
    const card = element("article", { class: "card film upload" },
      element("div", { class: "head" }, element("h3", {}, file.name)),
      element("div", { class: "job" }, bar, words, cancel));
    const upload = { file, card, bar, words, request: null };
    cancel.onclick = () => drop_upload(upload);
    uploads.push(upload);
    films.append(card);
  }
  next_upload();
}

function drop_upload(upload) {
  uploads.splice(uploads.indexOf(upload), 1);
  upload.card.remove();
  if (upload.request) upload.request.abort();
}

function next_upload() {
  if (uploading || !uploads.length) return;
  const upload = uploading = uploads[0];
  const request = upload.request = new XMLHttpRequest();
  const over = (words) => {
    uploading = null;
    if (uploads.includes(upload)) drop_upload(upload);
    if (words) say(words);
    refresh().then(next_upload);
  };
  request.upload.onprogress = (event) => {
    upload.bar.value = event.total ? event.loaded / event.total : 0;
    upload.words.textContent = `Sending: ${Math.round(100 * upload.bar.value)} %`;
  };
  request.onload = () => over(request.status === 201 ? "" : error_of(request));
  request.onerror = () => over(`${upload.file.name}: could not be sent. A folder cannot be dropped; type its path.`);
  request.onabort = () => over("");
  const query = new URLSearchParams({ name: upload.file.name, range_seconds: range.value });
  request.open("POST", `films?${query}`);
  request.send(upload.file);
}

function error_of(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch {
    return `The server answered with status ${request.status}.`;
  }
}

// Films that are there

async function refresh() {
  clearTimeout(timer);
  let busy = true;
  try {
    const reply = await fetch("films");
    const found = await reply.json();
    if (reply.ok) busy = show(found.films);
    if (reply.ok) document.getElementById("summary").textContent = found.summary;
  } catch {
    say("The server does not answer. Is 'avts app' still running?");
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, busy && !document.hidden ? BUSY_MS : IDLE_MS);
}

function show(states) {
  const keys = new Set(states.map((state) => state.key));
  for (const card of films.querySelectorAll(".film[data-key]")) if (!keys.has(card.dataset.key)) card.remove();
  let busy = false;
  for (const state of states) {
    const card = card_of(state);
    const kinds = new Set(state.jobs.map((job) => job.kind));
    for (const part of card.querySelectorAll(".part")) if (!kinds.has(part.dataset.kind)) clear(part);
    for (const job of state.jobs) busy = show_job(card, state.key, job) || busy;
  }
  return busy;
}

function clear(part) {
  part.replaceChildren();
  delete part.dataset.shown;
}

function card_of(state) {
  const found = films.querySelector(`[data-key="${state.key}"]`);
  if (found) return found;
  const remove = element("button", { type: "button", "aria-label": `Remove ${state.name} from the page` }, "Remove");
  remove.onclick = () => ask(`films/${state.key}/remove`);
  const card = element("article", { class: "card film", "data-key": state.key },
    element("div", { class: "head" }, element("h3", {}, state.name), remove),
    element("div", { class: "jobs" }));
  for (const kind of ["measure", "repair", "where"]) {
    card.append(element("div", { class: `part ${kind}`, "data-kind": kind }));
  }
  const first = films.querySelector(".upload");
  first ? first.before(card) : films.append(card);
  return card;
}

// Show where a job stands; true while it goes on.
function show_job(card, key, job) {
  const going = job.state === "waiting" || job.state === "running";
  if (job.kind.startsWith("preview")) {
    show_preview(card, key, job, going);
  } else if (!going) {
    show_part(card.querySelector(`.part.${job.kind}`), key, job);
  } else {
    clear(card.querySelector(`.part.${job.kind}`));
  }
  show_progress(card, key, job, going);
  return going;
}

function show_progress(card, key, job, going) {
  const jobs = card.querySelector(".jobs");
  let line = jobs.querySelector(`[data-kind="${job.kind}"]`);
  if (!going) {
    if (line) line.remove();
    return;
  }
  if (!line) {
    const cancel = element("button", { type: "button" }, "Cancel");
    cancel.onclick = () => {
      cancel.disabled = true;
      ask(`films/${key}/${job.kind}/cancel`);
    };
    line = element("div", { class: "job", "data-kind": job.kind },
      element("progress", { "aria-label": job.words }), element("span", { class: "words" }), cancel);
    jobs.append(line);
  }
  const bar = line.querySelector("progress");
  bar.hidden = job.state === "waiting";
  if (job.seconds) {
    bar.max = job.seconds;
    bar.value = job.done_seconds;
  } else {
    bar.removeAttribute("value");
  }
  line.querySelector(".words").textContent = job.words;
}

async function show_part(part, key, job) {
  if (part.dataset.shown === String(job.number)) return;
  part.dataset.shown = job.number;
  const reply = await fetch(`films/${key}/parts/${job.kind}`);
  if (!reply.ok || part.dataset.shown !== String(job.number)) return;
  part.innerHTML = await reply.text();
  const evidence = part.querySelector("details");
  if (evidence) {
    evidence.addEventListener("toggle", () => evidence.open && load_players(evidence));
    evidence.open = films.childElementCount === 1;
  } else {
    load_players(part);
  }
}

// Load what is seen only: a browser holds few connections, and previews cost time.
function load_players(place) {
  for (const player of place.querySelectorAll(".player:not([data-loaded])")) {
    player.dataset.loaded = "";
    const video = player.querySelector("video");
    const sound = player.dataset.sound;
    if (!sound || (SOUNDS[sound] && video.canPlayType(SOUNDS[sound]))) video.src = video.dataset.src;
    else want_preview(player, `This browser does not play ${sound} sound.`);
  }
}

// Previews, where the browser cannot play a film

function want_preview(player, reason) {
  if (player.dataset.asked) return;
  player.dataset.asked = reason;
  note(player, `${reason} A preview that it plays is being made.`);
  const h264 = player.querySelector("video").canPlayType('video/mp4; codecs="avc1.42E01E, mp4a.40.2"');
  ask(`films/${player.closest(".film").dataset.key}/${player.dataset.preview}?form=${h264 ? "mp4" : "webm"}`);
}

function show_preview(card, key, job, going) {
  const player = card.querySelector(`.player[data-preview="${job.kind}"]`);
  if (!player || player.dataset.loaded === undefined || going || player.dataset.preview_shown === String(job.number)) return;
  player.dataset.preview_shown = job.number;
  if (job.state === "done") {
    player.dataset.asked = player.dataset.asked || "The browser was asked before.";
    player.querySelector("video").src = `films/${key}/files/${job.kind}?${job.number}`;
    note(player, "This is a preview (a proxy): a small copy, encoded again, because this browser does not play the " +
      "film itself. Its offset is that of the film, and a repair uses the film, not the preview.");
  } else {
    note(player, `This browser does not play the film, and there is no preview. ${job.words}`);
  }
}

function note(player, words) {
  const place = player.querySelector(".note");
  place.textContent = words;
  place.hidden = false;
}

// Media events do not bubble, but they can be caught on their way down.
films.addEventListener("error", (event) => {
  const player = event.target.closest(".player");
  if (player && event.target.localName === "video") want_preview(player, "This browser does not play this film.");
}, true);

films.addEventListener("loadedmetadata", (event) => {
  const player = event.target.closest(".player");
  if (player && !event.target.videoWidth) want_preview(player, "This browser does not play the picture of this film.");
}, true);

films.addEventListener("click", (event) => {
  const button = event.target.closest("[data-begin]");
  if (!button) return;
  button.disabled = true;
  say("");
  const kind = button.dataset.begin;
  const query = kind === "measure" ? `?range_seconds=${range.value}` : "";
  ask(`films/${button.closest(".film").dataset.key}/${kind}${query}`).then((done) => { button.disabled = !!done && kind !== "measure"; });
});

// Choosing

document.getElementById("files").addEventListener("change", (event) => {
  send([...event.target.files]);
  event.target.value = "";
});

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}

for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (name === "drop") send([...event.dataTransfer.files]);
  });
}

const form = document.getElementById("path-form");
if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say("");
    const path = document.getElementById("path");
    ask("paths", JSON.stringify({ path: path.value, range_seconds: Number(range.value) })).then((done) => {
      if (done) path.value = "";
    });
  });
}

document.head.append(element("link", { rel: "icon", href: "data:," })); // or the browser asks for one
document.addEventListener("visibilitychange", refresh);
refresh();
