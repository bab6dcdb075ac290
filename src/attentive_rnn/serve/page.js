"use strict";
const at = (id) => document.getElementById(id);
const colours = ["#e6a700", "#0097a7", "#d81b60", "#689f38", "#8e24aa", "#f4511e", "#3949ab", "#6d4c41"];
const SURE = 0.3, PAST = 150, SHOWN = 5;
const video = at("video"), board = at("skeleton");
let model = null, course = [], times = [], running = 0;

function say(text, wrong = false) {
  at("state").textContent = text;
  at("state").className = wrong ? "error" : "";
}

function restart() {
  running += 1;
  course = [];
  times = [];
  at("label").textContent = "\u00a0";
  at("segments").hidden = true;
  if (video.srcObject) video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  return running;
}

function show(result) {
  board.width = video.videoWidth || 640;
  board.height = video.videoHeight || 480;
  const pen = board.getContext("2d");
  for (const person of result.people) drawPerson(pen, person, board.height);
  const first = result.people[0];
  times.push(result.milliseconds);
  if (times.length > 300) times.shift();
  const sorted = [...times].sort((a, b) => a - b);
  at("latency").textContent = `${result.milliseconds.toFixed(1)} ms for this picture, ` +
    `${sorted[sorted.length >> 1].toFixed(1)} ms at the median of the last ${times.length}`;
  at("label").textContent = first ? model.classes[first.label] : "nobody";
  course.push(first ? first.probabilities : null);
  if (course.length > PAST) course.shift();
  if (first) drawBars(first.probabilities);
  drawCourse();
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

function drawBars(probabilities) {
  const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, SHOWN);
  at("bars").replaceChildren(...best.map((k) => {
    const row = document.createElement("li"), bar = document.createElement("div");
    const name = document.createElement("span"), value = document.createElement("span");
    name.textContent = model.classes[k];
    bar.className = "bar";
    bar.style.background = colours[k % colours.length];
    bar.style.width = `${100 * probabilities[k]}%`;
    value.textContent = `${Math.round(100 * probabilities[k])} %`;
    row.append(name, bar, value);
    return row;
  }));
}

function drawCourse() {
  const canvas = at("course"), pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  model.classes.forEach((_, k) => {
    pen.strokeStyle = colours[k % colours.length];
    pen.lineWidth = 2;
    pen.beginPath();
    let open = false;
    course.forEach((row, i) => {
      if (!row) { open = false; return; }
      const x = (i / (PAST - 1)) * canvas.width, y = (1 - row[k]) * (canvas.height - 4) + 2;
      open ? pen.lineTo(x, y) : pen.moveTo(x, y);
      open = true;
    });
    pen.stroke();
  });
}

async function camera() {
  const mine = restart();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    await video.play();
  } catch (error) {
    return say(`The webcam cannot be used: ${error.message}`, true);
  }
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  const still = document.createElement("canvas");
  let waiting = 0, asked = false; // two pictures are under way: one is decoded while the other is recognised
  const send = () => {
    asked = false;
    if (mine !== running) return socket.close();
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext("2d").drawImage(video, 0, 0);
    waiting += 1;
    still.toBlob((picture) => socket.readyState === 1 && socket.send(picture), "image/jpeg", 0.85);
    ask();
  };
  const ask = () => {
    if (asked || waiting > 1) return;
    asked = true;
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(send); else requestAnimationFrame(send);
  };
  socket.onopen = () => { say("Live"); ask(); };
  socket.onmessage = (event) => {
    if (mine !== running) return socket.close();
    const result = JSON.parse(event.data);
    waiting -= 1;
    if (result.error) say(result.error, true); else show(result);
    ask();
  };
  socket.onclose = () => mine === running && say("The server has closed the connection.", true);
}

async function film(file) {
  const mine = restart();
  if (file.size > model.largest) return say(`The video is too large: at most ${model.largest >> 20} MiB.`, true);
  video.src = URL.createObjectURL(file);
  say("Reading the video \u2026");
  try {
    const response = await fetch("/film", { method: "POST", body: file });
    if (!response.ok) return say((await response.json()).error, true);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done && mine === running; part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const result = JSON.parse(line);
        if (result.error) return say(result.error, true);
        if (result.segments) return finish(result.segments);
        video.currentTime = result.time;
        show(result);
      }
    }
  } catch (error) {
    say(`The video could not be sent: ${error.message}`, true);
  }
}

function finish(segments) {
  say("Done");
  at("segments").hidden = false;
  at("segments").tBodies[0].replaceChildren(...segments.map((segment) => {
    const row = document.createElement("tr");
    for (const text of [segment.track, segment.label, `${segment.start} to ${segment.end - 1}`]) {
      row.insertCell().textContent = text;
    }
    return row;
  }));
}

fetch("/model").then((response) => response.json()).then((found) => {
  model = found;
  at("camera").onclick = camera;
  at("file").onchange = (event) => event.target.files[0] && film(event.target.files[0]);
  document.body.dataset.ready = "yes";
});
