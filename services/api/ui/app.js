// SPDX-License-Identifier: Apache-2.0
// Routes of the dashboard: which view shows what the address names, and its refresh.
import { getJson } from './api.js';
import { element, patch } from './dom.js';
import { follow } from './live.js';
import { overview } from './overview.js';
import { packages } from './packages.js';
import { pending } from './pending.js';
import { run } from './run.js';
import { runs } from './runs.js';

const REFRESH_MS = 5000;
const REFRESH_LIVE_MS = 60000; // for what is not told as it happens

const routes = [
  { pattern: /^#?\/?$/, name: 'overview', view: overview },
  { pattern: /^#\/pending$/, name: 'pending', view: pending },
  { pattern: /^#\/runs(?:\?(.*))?$/, name: 'runs', view: runs },
  { pattern: /^#\/runs\/([0-9a-f]+)$/, name: 'runs', view: run },
  { pattern: /^#\/packages$/, name: 'packages', view: packages },
];

const target = document.getElementById('view');
const connection = document.getElementById('connection');
const pendingCount = document.getElementById('pending-count');

function currentRoute() {
  for (const route of routes) {
    const match = route.pattern.exec(location.hash);
    if (match) return { ...route, argument: match[1] };
  }
  return { ...routes[0] };
}

function markNavigation(name) {
  for (const link of document.querySelectorAll('[data-nav]')) {
    if (link.dataset.nav === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

async function updateStatus() {
  const status = await getJson('/v1/status');
  const live = status.runners.filter((runner) => runner.alive).length;
  connection.textContent = `${live} of ${status.runners.length} runners live · ${status.version}`;
  pendingCount.textContent = status.counts.pending;
  pendingCount.hidden = !status.counts.pending;
  happened('status', status);
}

// A reader who selected text, opened a row or stands on a control is not disturbed by a refresh.
function readerIsBusy() {
  return document.querySelector('dialog[open]') !== null || String(getSelection()) !== '' ||
    target.querySelector('details[open]') !== null ||
    target.contains(document.activeElement) && document.activeElement !== target;
}

let shown = 0;
let view = null; // what is shown: render(), and take(event, item) for what happens

// A view that nothing but a reload changes is only its nodes.
function asView(content) {
  return Array.isArray(content) ? { render: () => content } : content;
}

async function show() {
  const route = currentRoute();
  const turn = ++shown;
  markNavigation(route.name);
  try {
    const content = asView(await route.view(route.argument, show));
    if (turn !== shown) return; // the reader went on meanwhile
    view = content;
    patch(target, view.render());
    await updateStatus();
  } catch (error) {
    if (turn !== shown) return;
    if (!target.children.length || error.status) {
      target.replaceChildren(element('p', { class: 'error', role: 'alert' }, error.message));
    }
    connection.textContent = error.message;
  }
}

addEventListener('hashchange', () => {
  view = null;
  target.replaceChildren();
  show().then(() => target.focus());
});

// An action that many events ask for happens once for them all, and not while the reader is busy.
function gathered(delayMs, action) {
  let timer = 0;
  const run = () => {
    timer = 0;
    if (readerIsBusy()) ask();
    else action();
  };
  const ask = () => {
    timer ||= setTimeout(run, delayMs);
  };
  return ask;
}

const reload = gathered(1000, show);
const redraw = gathered(100, () => view && patch(target, view.render()));
const recount = gathered(5000, () => updateStatus().catch(() => {}));

function happened(event, item) {
  if (event === 'reset') {
    reload();
    return;
  }
  const wish = view?.take?.(event, item);
  if (wish === 'reload') reload();
  if (wish === 'draw') redraw();
  if (event !== 'status') recount();
}

let live = false;
follow(happened, (connected) => {
  live = connected;
});
let refreshed = Date.now();
setInterval(() => {
  if (document.hidden || readerIsBusy() || live && Date.now() - refreshed < REFRESH_LIVE_MS) return;
  refreshed = Date.now();
  show();
}, REFRESH_MS);
show();
