// SPDX-License-Identifier: Apache-2.0
// Routes of the dashboard: which view shows what the address names, and its refresh.
import { getJson } from './api.js';
import { element } from './dom.js';
import { overview } from './overview.js';
import { packages } from './packages.js';
import { pending } from './pending.js';
import { run } from './run.js';
import { runs } from './runs.js';

const REFRESH_MS = 5000;

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
}

// A reader who selected text, opened a row or stands on a control is not disturbed by a refresh.
function readerIsBusy() {
  return document.querySelector('dialog[open]') !== null || String(getSelection()) !== '' ||
    target.querySelector('details[open]') !== null ||
    target.contains(document.activeElement) && document.activeElement !== target;
}

let shown = 0;

async function show() {
  const route = currentRoute();
  const turn = ++shown;
  markNavigation(route.name);
  try {
    const content = await route.view(route.argument, show);
    if (turn !== shown) return; // the reader went on meanwhile
    target.replaceChildren(...content);
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
  target.replaceChildren();
  show().then(() => target.focus());
});
setInterval(() => {
  if (!document.hidden && !readerIsBusy()) show();
}, REFRESH_MS);
show();
