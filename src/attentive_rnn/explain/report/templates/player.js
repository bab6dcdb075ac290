"use strict";
// The player of a report: a skeleton with its attention, a text, a map of time against features, or an image under its masks; no library, no network.
(() => {
  const data = JSON.parse(document.getElementById("player-data").textContent);
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage"), course = byId("course"), sampleBox = byId("sample"), groupBox = byId("group");
  const playButton = byId("play"), slider = byId("step");
  const quiet = matchMedia("(prefers-reduced-motion: reduce)");
  const measureBox = byId("measure");
  let sample, group = -1, measure = 0, step = 0, playing = false, last = 0, colours;

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unpack = (packed, kind) => packed === null ? null : new kind(bytes(packed).buffer);
  const shown = () => data.measures[measure];
  const relevance = (t, g) => shown().lowest + (shown().highest - shown().lowest) * sample.attention[measure][t * data.groups.length + g] / 255;
  const share = (t, g) => sample.attention ? Math.min(1, Math.max(0, (relevance(t, g) - shown().low) / (shown().high - shown().low))) : 0.3;
  const amount = (value) => value.toFixed(shown().digits) + shown().suffix;
  const option = (text, value) => { const made = document.createElement("option"); made.textContent = text; made.value = value; return made; };

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(["fg", "bg", "muted", "line", "bone", "a", "b"].map((name) => [name, style.getPropertyValue("--" + name).trim()]));
  }

  function canvas(element, height) {
    const width = element.clientWidth, ratio = devicePixelRatio || 1;
    element.style.height = height + "px";
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio); element.height = Math.round(height * ratio);
    }
    const pen = element.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    return [pen, width, height];
  }

  function drawSkeleton() {
    const [pen, width, height] = canvas(stage, Math.min(stage.clientWidth, 480));
    const joints = data.joints, size = Math.min(width, height);
    const place = (person, v) => {
      const i = 2 * ((step * data.persons + person) * joints + v), x = sample.points[i], y = sample.points[i + 1];
      return x === 65535 ? null : [width / 2 + (x / 65534 - 0.5) * 0.88 * size, height / 2 + (y / 65534 - 0.5) * 0.88 * size];
    };
    sample.places = [];
    for (let person = 0; person < data.persons; person++) {
      pen.strokeStyle = colours.bone; pen.lineWidth = 3; pen.lineCap = "round";
      for (const [a, b] of data.bones) {
        const from = place(person, a), to = place(person, b);
        if (!from || !to) continue;
        pen.beginPath(); pen.moveTo(...from); pen.lineTo(...to); pen.stroke();
      }
      for (let v = 0; v < joints; v++) {
        const at = place(person, v), g = person * joints + v;
        if (!at) continue;
        const radius = 2 + share(step, g) * size / 28;
        sample.places.push([at[0], at[1], radius, g]);
        pen.beginPath(); pen.arc(at[0], at[1], radius, 0, 7);
        pen.globalAlpha = 0.85; pen.fillStyle = sample.attention ? colours.b : colours.bone; pen.fill(); pen.globalAlpha = 1;
        pen.lineWidth = g === group ? 3 : 0.8; pen.strokeStyle = g === group ? colours.fg : colours.bg; pen.stroke();
      }
    }
    if (group >= 0) {
      const spot = sample.places.find((p) => p[3] === group);
      if (spot) { pen.fillStyle = colours.fg; pen.fillText(data.groups[group], Math.min(spot[0] + spot[2] + 4, width - 90), spot[1] - 4); }
    }
  }

  // Cividis, thinned out: even in lightness, and the same to people with any colour vision.
  const ramp = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 180, 105], [225, 204, 85], [254, 232, 56]];
  function colourOf(value, scale = ramp) {
    const x = value * (scale.length - 1), i = Math.min(Math.floor(x), scale.length - 2), f = x - i;
    return scale[i].map((c, k) => Math.round(c + f * (scale[i + 1][k] - c)));
  }

  function drawMap() {
    const rows = data.groups.length, line = Math.max(7, Math.min(20, 320 / rows));
    const [pen, width, height] = canvas(stage, rows * line + 22);
    const left = Math.min(130, width * 0.32), wide = width - left - 6;
    const image = sample.images[measure] ??= document.createElement("canvas");
    if (image.height !== rows || image.width !== sample.steps) {
      image.width = sample.steps; image.height = rows;
      const pixels = new ImageData(sample.steps, rows);
      for (let t = 0; t < sample.steps; t++) for (let g = 0; g < rows; g++) {
        const [r, gr, b] = colourOf(share(t, g));
        pixels.data.set([r, gr, b, sample.attention ? 255 : 0], 4 * (g * sample.steps + t));
      }
      image.getContext("2d").putImageData(pixels, 0, 0);
    }
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, left, 0, wide, rows * line);
    pen.font = Math.min(12, line) + "px system-ui, sans-serif"; pen.textAlign = "right"; pen.textBaseline = "middle";
    sample.places = [];
    for (let g = 0; g < rows; g++) {
      pen.fillStyle = g === group ? colours.b : colours.fg;
      pen.fillText(fit(pen, data.groups[g], left - 8), left - 6, (g + 0.5) * line);
      sample.places.push([left / 2, (g + 0.5) * line, line / 2, g]);
    }
    if (group >= 0) { pen.strokeStyle = colours.b; pen.lineWidth = 2; pen.strokeRect(left, group * line, wide, line); }
    const x = left + (step + 0.5) / sample.steps * wide;
    pen.strokeStyle = colours.b; pen.lineWidth = 2; pen.beginPath(); pen.moveTo(x, 0); pen.lineTo(x, rows * line + 6); pen.stroke();
    pen.fillStyle = colours.muted; pen.textAlign = "center"; pen.textBaseline = "alphabetic"; pen.font = "12px system-ui, sans-serif";
    pen.fillText("step " + step * sample.stride, Math.max(left + 20, Math.min(x, width - 30)), rows * line + 18);
    sample.left = left; sample.wide = wide;
  }

  // Inferno, thinned out, over the image in grey: the look of the pictures that are drawn.
  const glow = [[0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96], [207, 68, 70], [237, 105, 37], [251, 155, 6], [247, 209, 61], [252, 255, 164]];
  function pixels(colour) {
    const made = document.createElement("canvas");
    made.width = data.width; made.height = data.height;
    const image = new ImageData(data.width, data.height);
    for (let i = 0; i < data.width * data.height; i++) image.data.set([...colour(i), 255], 4 * i);
    made.getContext("2d").putImageData(image, 0, 0);
    return made;
  }

  function drawImages() {
    const pictures = Object.entries(sample.pictures).map(([name, rgb]) => [name, pixels((i) => rgb.subarray(3 * i, 3 * i + 3))]);
    const rgb = sample.pictures.image, first = step * data.width * data.height;
    pictures.splice(1, 0, [data.layers[step], pixels((i) => {
      const grey = (rgb[3 * i] + rgb[3 * i + 1] + rgb[3 * i + 2]) / 3;
      return colourOf(sample.attention[0][first + i] / 255, glow).map((c) => 0.25 * grey + 0.75 * c);
    })]);
    const columns = 2, gap = 10, side = (stage.clientWidth - gap) / columns, line = side * data.height / data.width + 24;
    const [pen] = canvas(stage, Math.ceil(pictures.length / columns) * line);
    pen.imageSmoothingEnabled = false; pen.textAlign = "left";
    pictures.forEach(([name, picture], i) => {
      const x = (i % columns) * (side + gap), y = Math.floor(i / columns) * line;
      pen.drawImage(picture, x, y, side, line - 24);
      pen.fillStyle = colours.fg; pen.fillText(fit(pen, name, side), x, y + line - 8);
    });
  }

  function drawWords() {
    const box = byId("text");
    const key = sampleBox.value + " " + measure;
    if (box.dataset.sample !== key) {
      box.dataset.sample = key;
      box.replaceChildren(...sample.words.flatMap((word, t) => {
        const made = document.createElement("span");
        made.textContent = word; made.style.setProperty("--v", sample.attention ? Math.round(100 * share(t, 0)) : 0);
        made.addEventListener("click", () => { play(false); step = t; draw(); });
        return [made, " "];
      }));
    }
    box.querySelector(".now")?.classList.remove("now");
    const now = box.children[step];
    now.classList.add("now");
    if (now.offsetTop - box.offsetTop > box.scrollTop + box.clientHeight - 40 || now.offsetTop - box.offsetTop < box.scrollTop) box.scrollTop = now.offsetTop - box.offsetTop - 20;
  }

  function fit(pen, text, width) {
    while (text.length > 3 && pen.measureText(text).width > width) text = text.slice(0, -2) + "\u2026";
    return text;
  }

  function drawCourse() {
    const [pen, width, height] = canvas(course, 130);
    const left = data.kind === "map" ? sample.left : 34, wide = data.kind === "map" ? sample.wide : width - left - 6;
    const top = 8, base = height - 20;
    const x = (t) => left + (t + 0.5) / sample.steps * wide;
    const line = (value, colour, thick, dash) => {
      pen.beginPath(); pen.strokeStyle = colour; pen.lineWidth = thick; pen.setLineDash(dash || []);
      for (let t = 0; t < sample.steps; t++) pen[t ? "lineTo" : "moveTo"](x(t), base - value(t) * (base - top));
      pen.stroke(); pen.setLineDash([]);
    };
    const caption = (text) => {  // below the curve; where it is too long, from further left
      const fitting = fit(pen, text, width - 8), room = width - 4 - pen.measureText(fitting).width;
      pen.fillStyle = colours.muted; pen.textAlign = "left"; pen.fillText(fitting, Math.max(4, Math.min(left + 4, room)), height - 5);
    };
    pen.strokeStyle = colours.line; pen.lineWidth = 1; pen.strokeRect(left, top, wide, base - top);
    if (data.kind === "map" && group >= 0) {
      data.elements[group].forEach((element, i) => line((t) => sample.signal[t * data.width + element] / 255, colours.a, 1.5, [[], [6, 3], [2, 3]][i % 3]));
      caption("signal of " + data.groups[group]);
    } else if (sample.attention) {
      pen.fillStyle = colours.muted; pen.textAlign = "right";
      pen.fillText(amount(shown().high), left - 4, top + 8); pen.fillText(amount(shown().low), left - 4, base);
      if (group >= 0) line((t) => share(t, group), colours.b, 2);
      else for (let g = 0; g < data.groups.length; g++) line((t) => share(t, g), colours.bone, 0.7);
      caption(shown().name + " of " + (group >= 0 ? data.groups[group] : "all") + ", " + shown().unit);
    }
    pen.strokeStyle = colours.b; pen.lineWidth = 2; pen.beginPath(); pen.moveTo(x(step), top); pen.lineTo(x(step), base); pen.stroke();
    course.dataset.left = left; course.dataset.wide = wide;
  }

  function describe() {
    const layers = data.kind === "image";  // count from 1, steps from 0
    const now = layers ? step + 1 : step * sample.stride, end = layers ? sample.steps : (sample.steps - 1) * sample.stride;
    byId("where").textContent = now + " / " + end;
    slider.setAttribute("aria-valuetext", layers ? data.layers[step] : "step " + now + "; the last is " + end);
    if (playing || !sample.attention) return;
    if (data.kind === "image") {
      const on = sample.shares.length ? ": " + (100 * sample.shares[step]).toFixed(0) + " % of it on the object asked about" : "";
      byId("words").textContent = "Attention, " + data.layers[step] + on + ".";
      return;
    }
    if (data.kind === "words") {
      byId("words").textContent = "\u201c" + sample.words[step] + "\u201d: " + amount(relevance(step, 0)) + " (" + shown().name + ", " + shown().unit + ").";
      return;
    }
    const all = data.groups.map((name, g) => [relevance(step, g), name]).sort((p, q) => q[0] - p[0]).slice(0, 3);
    byId("words").textContent = "Attended to most at this step: " + all.map(([value, name]) => name + " " + amount(value)).join(", ") + " (" + shown().name + ", " + shown().unit + ").";
  }

  function draw() {
    ({ skeleton: drawSkeleton, map: drawMap, words: drawWords, image: drawImages })[data.kind]();
    if (data.kind !== "image") drawCourse();
    slider.value = step;
    describe();
  }

  function choose(index) {
    sample = data.samples[index];
    if (!sample.ready) {
      sample.attention = sample.attention?.map((packed) => unpack(packed, Uint8Array)) ?? null;
      sample.images = [];
      sample.points = unpack(sample.points ?? null, Uint16Array);
      sample.signal = unpack(sample.signal ?? null, Uint8Array);
      sample.pictures = Object.fromEntries(Object.entries(sample.pictures ?? {}).map(([name, packed]) => [name, unpack(packed, Uint8Array)]));
      sample.ready = true;
    }
    sampleBox.value = index; step = 0; slider.max = sample.steps - 1;
    byId("verdict").textContent = sample.verdict;
    draw();
  }

  function play(on) {
    playing = on;
    playButton.setAttribute("aria-pressed", on); playButton.setAttribute("aria-label", on ? "Stop" : "Play");
    playButton.textContent = on ? "\u25a0" : "\u25b6";
    if (on) { if (step >= sample.steps - 1) step = 0; last = performance.now(); requestAnimationFrame(tick); } else describe();
  }

  function tick(now) {
    if (!playing) return;
    const pause = 1000 / (quiet.matches ? Math.min(data.rate, 4) : data.rate);
    if (now - last >= pause) {
      const ahead = Math.floor((now - last) / pause);
      last += ahead * pause; step += ahead;
      if (step >= sample.steps) step = 0;
      draw();
    }
    requestAnimationFrame(tick);
  }

  const next = (by) => choose((Number(sampleBox.value) + by + data.samples.length) % data.samples.length);
  const at = (event, element) => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

  data.classes.forEach((name, label) => {
    const own = data.samples.map((s, i) => [s, i]).filter(([s]) => s.label === label);
    if (!own.length) return;
    const box = document.createElement("optgroup"); box.label = name;
    own.forEach(([s, i]) => box.append(option(s.name + (s.right ? "" : " \u2717"), i)));
    sampleBox.append(box);
  });
  data.samples.forEach((s, i) => { if (s.label < 0) sampleBox.append(option(s.name, i)); });
  groupBox.append(option("all", -1));
  data.groups.forEach((name, g) => groupBox.append(option(name, g)));

  data.measures.forEach(({ name }, i) => measureBox.append(option(name, i)));

  measureBox.addEventListener("change", () => { measure = Number(measureBox.value); draw(); });
  sampleBox.addEventListener("change", () => choose(Number(sampleBox.value)));
  groupBox.addEventListener("change", () => { group = Number(groupBox.value); draw(); });
  slider.addEventListener("input", () => { play(false); step = Number(slider.value); draw(); });
  playButton.addEventListener("click", () => play(!playing));
  stage.addEventListener("click", (event) => {
    if (data.kind === "image") return;
    const [x, y] = at(event, stage);
    let best = -1, nearest = 26;
    for (const [px, py, , g] of sample.places) {
      const distance = data.kind === "map" ? Math.abs(py - y) : Math.hypot(px - x, py - y);
      if (distance < nearest) { nearest = distance; best = g; }
    }
    if (data.kind === "map" && x > sample.left) step = Math.max(0, Math.min(sample.steps - 1, Math.floor((x - sample.left) / sample.wide * sample.steps)));
    group = best; groupBox.value = group; draw();
  });
  course.addEventListener("click", (event) => {
    play(false);
    step = Math.max(0, Math.min(sample.steps - 1, Math.floor((at(event, course)[0] - course.dataset.left) / course.dataset.wide * sample.steps)));
    draw();
  });
  document.querySelectorAll("[data-sample]").forEach((button) => button.addEventListener("click", () => {
    choose(Number(button.dataset.sample)); stage.scrollIntoView({ block: "center" });
  }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || ["SELECT", "SUMMARY"].includes(event.target.tagName)) return;
    if (event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); play(!playing); }
    if (event.key === "n" || event.key === "N") next(1);
    if (event.key === "p" || event.key === "P") next(-1);
  });
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); draw(); });
  byId("text").hidden = data.kind !== "words";
  stage.hidden = data.kind === "words";
  course.hidden = byId("group-box").hidden = data.kind === "image";
  byId("measure-box").hidden = data.measures.length < 2;
  readColours();
  choose(0);
})();
