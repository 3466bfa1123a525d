// SPDX-License-Identifier: Apache-2.0
// The watched packages.
import { getJson } from './api.js';
import { element, table, time } from './dom.js';

export async function packages() {
  const { items } = await getJson('/v1/packages?limit=500');
  return [
    element('h1', {}, 'Packages'),
    table([
      ['Package', (entry) => element('a', {
        href: `#/runs?package=${encodeURIComponent(entry.name)}`,
      }, entry.name)],
      ['Latest release', (entry) => entry.last_seen_version || 'not seen yet'],
      ['Checked', (entry) => time(entry.last_checked_at)],
      ['Registry', (entry) => entry.registry_state],
      ['Added', (entry) => time(entry.added_at)],
    ], items, 'No package is watched. Add one with “fangs package add”.'),
  ];
}
