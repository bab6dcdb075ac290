"use strict";
const at = (id) => document.getElementById(id);
const colours = ["#e6a700", "#0097a7", "#d81b60", "#689f38", "#8e24aa", "#f4511e", "#3949ab", "#6d4c41"];
const SURE = 0.3, PAST = 150, SHOWN = 5, STRIPS = 500, CURVES = 6;
const REFRESH = 100; // milliseconds between two drawings of what is beside the picture
const REPAINT = 25; // milliseconds, or more, between two drawings of a picture: of 60 a second, each second one
const UNDER_WAY = 3; // pictures: one is compressed, one decoded and one recognised
const video = at("video"), board = at("skeleton");
let model = null, courses = new Map(), times = [], running = 0, dropped = 0;
const colourOf = (k) => colours[k % colours.length];
let latest = null, refreshed = 0; // the last picture; when what is beside it was drawn
let painted = 0, painting = 0; // when a picture was drawn last; milliseconds that it took
let moments = [], segments = []; // seconds of each picture; spans of pictures with one label
const stale = new Set(); // segments that are longer than their strips
const address = (path) => `${path}?run=${encodeURIComponent(model.run)}`;

function say(text, wrong = false) {
  at("state").textContent = text;
  at("state").className = wrong ? "error" : "";
}

function restart() {
  running += 1;
  latest = null;
  courses = new Map();
  at("courses").replaceChildren();
  times = [];
  dropped = 0;
  moments = [];
  keep([]);
  at("label").textContent = "\u00a0";
  board.width = board.width; // clear
  if (video.srcObject) video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  at("stage").className = "";
  at("findings").hidden = true;
  return running;
}

// Draw what is recognised over its picture, or over the video that shows it.
function show(result, still) {
  if (!still || performance.now() - painted >= REPAINT) paint(result, still);
  moments[result.frame] = result.time;
  remember(result);
  follow(result);
  latest = result;
  const now = performance.now();
  times.push({ now, ...result.milliseconds, draw: painting });
  if (times.length > PAST) times.shift();
  if (now - refreshed >= REFRESH) refresh();
}

function paint(result, still) {
  painted = performance.now();
  const [width, height] = [video.videoWidth || 640, video.videoHeight || 480], pen = board.getContext("2d");
  if (board.width !== width || board.height !== height) [board.width, board.height] = [width, height];
  if (!still) pen.clearRect(0, 0, width, height);
  if (still) pen.drawImage(still, 0, 0, board.width, board.height);
  for (const person of result.people) drawPerson(pen, person, board.height);
  painting = performance.now() - painted;
}

// Draw what is beside the picture: not for each, for layout takes longer than a picture.
function refresh() {
  refreshed = performance.now();
  if (!latest) return;
  at("findings").hidden = false;
  const first = latest.people[0];
  at("label").textContent = first ? model.classes[first.label] : "nobody";
  if (first) drawProbabilities(first.probabilities);
  drawCourses(latest.frame);
  drawTimes();
  stale.forEach(place);
  stale.clear();
}

function drawTimes() {
  const { now, ...stages } = times.at(-1), recent = times.filter((one) => now - one.now < 2000);
  const median = (stage) => times.map((one) => one[stage]).sort((a, b) => a - b)[times.length >> 1];
  const medians = Object.keys(stages).map((stage) => [stage, median(stage)]);
  const total = Math.max(0.001, medians.reduce((sum, [, took]) => sum + took, 0));
  drawBars("stages", medians.map(([stage, took]) => [stage, took / total, `${took.toFixed(1)} ms`, "#607d8b"]));
  const rate = (recent.length - 1) / Math.max(0.001, (now - recent[0].now) / 1000);
  at("pace").textContent =
    `${rate.toFixed(1)} pictures a second, ${dropped} dropped; times are medians of the last ${times.length}`;
}

function drawPerson(pen, person, height) {
  if (!person.joints) return;
  const colour = colours[person.track % colours.length];
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = Math.max(2, height / 160);
  for (const [a, b] of model.bones) {
    const [from, to] = [person.joints[a], person.joints[b]];
    if (from[2] < SURE || to[2] < SURE) continue;
    pen.beginPath();
    pen.moveTo(from[0] * height, from[1] * height);
    pen.lineTo(to[0] * height, to[1] * height);
    pen.stroke();
  }
  for (const [x, y, sure, weight] of person.joints) {
    if (sure < SURE) continue;
    pen.beginPath();
    pen.arc(x * height, y * height, (height / 70) * Math.sqrt(Math.min(9, Math.max(0.1, weight))), 0, 2 * Math.PI);
    pen.fill();
  }
}

function drawProbabilities(probabilities) {
  const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, SHOWN);
  const percent = (k) => `${Math.round(100 * probabilities[k])} %`;
  drawBars("bars", best.map((k) => [model.classes[k], probabilities[k], percent(k), colourOf(k)]));
}

function drawBars(place, rows) {
  at(place).replaceChildren(...rows.map(([title, share, text, colour]) => {
    const row = document.createElement("li"), bar = document.createElement("div");
    const name = document.createElement("span"), value = document.createElement("span");
    name.textContent = title;
    bar.className = "bar";
    bar.style.background = colour;
    bar.style.width = `${100 * share}%`;
    value.textContent = text;
    row.append(name, bar, value);
    return row;
  }));
}

// Keep for each person the label's probability in the last pictures.
function remember({ frame, people }) {
  for (const { track, label, probabilities } of people) {
    if (!courses.has(track)) courses.set(track, []);
    courses.get(track).push({ frame, label, sure: probabilities[label] });
  }
  for (const [track, course] of courses) {
    while (course.length && course[0].frame <= frame - PAST) course.shift();
    if (!course.length) courses.delete(track);
  }
}

// Draw each person's curve, in the colours of the labels.
function drawCourses(frame) {
  const shown = [...courses].slice(-CURVES), place = at("courses");
  while (place.childElementCount > shown.length) place.lastChild.remove();
  shown.forEach(([track, course], i) => {
    drawCourse(place.children[i] ?? place.appendChild(curve()), track, course, frame);
  });
}

function curve() {
  const row = document.createElement("div"), canvas = document.createElement("canvas");
  canvas.width = 480;
  canvas.height = 60;
  row.append(document.createElement("span"), canvas);
  return row;
}

function drawCourse(row, track, course, frame) {
  const [name, canvas] = row.children, pen = canvas.getContext("2d"), last = course.at(-1);
  name.textContent = name.title = `person ${track}: ${model.classes[last.label]}`;
  canvas.ariaLabel = `person ${track}, ${model.classes[last.label]} ${Math.round(100 * last.sure)} %`;
  canvas.role = "img";
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.lineWidth = 3;
  course.forEach((one, i) => {
    const before = course[i - 1];
    if (!before || one.frame - before.frame > 5) return; // the person was away
    pen.strokeStyle = colourOf(one.label);
    pen.beginPath();
    for (const { frame: shown, sure } of [before, one]) {
      pen.lineTo((1 - (frame - shown) / PAST) * canvas.width, (1 - sure) * (canvas.height - 6) + 3);
    }
    pen.stroke();
  });
}

// The segments up to a picture: where a label has begun, the person's segment before it ends.
function follow({ frame, people }) {
  for (const { track, label, since } of people) {
    let last = segments.findLast((segment) => segment.track === track);
    if (last && last.start < since) {
      last.end = Math.min(last.end, since);
      stale.add(last);
      last = null;
    }
    if (!last) {
      last = { track, label: "", start: since, end: 0 };
      segments.push(last);
    }
    last.label = model.classes[label];
    last.end = frame + 1;
    stale.add(last);
  }
}

function keep(found) {
  stale.clear();
  segments = found;
  at("segments").replaceChildren();
  at("export").hidden = true;
  segments.slice(-STRIPS).forEach(place);
}

// Seconds at which a picture begins; for the one after the last, at the mean step.
const moment = (frame) =>
  moments[frame] ?? moments.at(-1) + (moments.at(-1) - moments[0]) / Math.max(1, moments.length - 1);

// Draw a segment on the line of its person; the oldest of very many leave the page, not the export.
function place(segment) {
  const lines = at("segments");
  let line = lines.querySelector(`[data-track="${segment.track}"]`), strip = segment.strip;
  if (!line) {
    line = document.createElement("div");
    line.dataset.track = segment.track;
    lines.append(line);
  }
  if (!strip) {
    strip = document.createElement("button");
    strip.onclick = () => visit(segment);
    Object.defineProperty(segment, "strip", { value: strip }); // not exported
    line.append(strip);
  }
  strip.textContent = strip.title = segment.label;
  strip.style.borderColor = colourOf(model.classes.indexOf(segment.label));
  strip.style.setProperty("--start", moment(segment.start));
  strip.style.setProperty("--end", moment(segment.end));
  segments.at(-STRIPS - 1)?.strip?.remove();
  lines.style.setProperty("--from", moment(segments.at(-STRIPS)?.start ?? segments[0].start));
  lines.style.setProperty("--to", moment(moments.length));
  at("export").hidden = false;
}

function visit({ track, label, start, end }) {
  const seconds = `${moment(start).toFixed(2)} to ${moment(end).toFixed(2)} s`;
  say(`Person ${track}: ${label}, pictures ${start} to ${end - 1}, ${seconds}`);
  if (video.srcObject) return;
  video.currentTime = moment(start);
  board.width = board.width; // clear: the skeleton was of another picture
}

async function write(kind) {
  const rows = segments.map(({ track, label, start, end }) => ({
    track, label, start, end,
    start_seconds: +moment(start).toFixed(3),
    end_seconds: +moment(end).toFixed(3),
  })).sort((a, b) => a.start - b.start);
  const response = await fetch(`/segments/${kind}`, { method: "POST", body: JSON.stringify(rows) });
  if (!response.ok) return say((await response.json()).error, true);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `segments.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function camera() {
  const mine = restart();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    await video.play();
    at("stage").className = "live"; // each picture is drawn over the video, which the browser then need not show
  } catch (error) {
    return say(`The webcam cannot be used: ${error.message}`, true);
  }
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}${address("/live")}`);
  const free = Array.from({ length: UNDER_WAY }, () => document.createElement("canvas")), waiting = [];
  let asked = false, refused = false, sent = 0, first = null; // of the pictures that the webcam has shown
  const send = (_, shown) => {
    asked = false;
    if (mine !== running) return socket.close();
    const still = free.pop();
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext("2d", { willReadFrequently: true, alpha: false }).drawImage(video, 0, 0);
    waiting.push(still);
    sent += 1;
    first ??= shown?.presentedFrames;
    if (shown) dropped = shown.presentedFrames - first + 1 - sent;
    still.toBlob((picture) => socket.readyState === 1 && socket.send(picture), "image/jpeg", 0.85);
    ask();
  };
  const ask = () => {
    if (asked || !free.length) return;
    asked = true;
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(send); else requestAnimationFrame(send);
  };
  socket.onopen = () => { say("Live"); ask(); };
  socket.onmessage = (event) => {
    if (mine !== running) return socket.close();
    const result = JSON.parse(event.data);
    const still = waiting.shift();
    refused = Boolean(result.error);
    if (refused) say(result.error, true); else show(result, still);
    if (still) free.push(still);
    ask();
  };
  socket.onclose = () => mine === running && !refused && say("The server has closed the connection.", true);
}

async function film(file) {
  const mine = restart();
  if (file.size > model.largest) return say(`The video is too large: at most ${model.largest >> 20} MiB.`, true);
  video.src = URL.createObjectURL(file);
  say("Reading the video \u2026");
  try {
    const response = await fetch(address("/film"), { method: "POST", body: file });
    if (!response.ok) return say((await response.json()).error, true);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done && mine === running; part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const result = JSON.parse(line);
        if (result.error) return say(result.error, true);
        if (result.segments) {
          refresh();
          keep(result.segments);
          return say("Done");
        }
        video.currentTime = result.time;
        show(result);
      }
    }
  } catch (error) {
    say(`The video could not be sent: ${error.message}`, true);
  }
}

// Take a run of the server, "": its first.
async function choose(run) {
  const response = await fetch(`/model?run=${encodeURIComponent(run)}`), found = await response.json();
  if (!response.ok) {
    at("run").value = model?.run;
    return say(found.error, true);
  }
  restart();
  model = found;
  at("bars").replaceChildren();
  say("Choose the webcam or a video. Nothing leaves this machine.");
}

function goAlong(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], strips = [...at("segments").querySelectorAll("button")];
  const next = step && strips[strips.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === "w") camera();
  if (event.key === "v") at("file").click();
}

choose("").then(() => {
  at("run").replaceChildren(...model.runs.map((run) => new Option(run)));
  at("run").value = model.run;
  at("choice").hidden = model.runs.length < 2;
  at("run").onchange = () => choose(at("run").value);
  at("camera").onclick = camera;
  at("export").onclick = (event) => event.target.dataset.kind && write(event.target.dataset.kind);
  at("file").onchange = (event) => event.target.files[0] && film(event.target.files[0]);
  at("segments").onkeydown = goAlong;
  document.onkeydown = press;
  document.body.dataset.ready = "yes";
});
