// SPDX-License-Identifier: Apache-2.0
// The bearer token, where the gateway wants one: asked for once, kept until the tab is closed.
import { element } from './dom.js';

const KEY = 'fangs-token';

export function currentToken() {
  return sessionStorage.getItem(KEY);
}

let asked = null;

function openDialog(refused) {
  return new Promise((resolve) => {
    const input = element('input', { type: 'password', autocomplete: 'off', 'aria-label': 'Token' });
    const submit = () => {
      if (!input.value.trim()) return;
      sessionStorage.setItem(KEY, input.value.trim());
      dialog.close();
    };
    const dialog = element('dialog', { onclose: () => { dialog.remove(); resolve(); } },
      element('p', {}, refused ? 'The gateway does not know this token.'
        : 'The gateway wants to know who you are.'),
      element('p', {}, input, ' ', element('button', { type: 'button', onclick: submit }, 'Go on')),
      element('p', { class: 'hint' }, 'A token is made by: fangs token create --role viewer --name …'));
    input.addEventListener('keydown', (event) => { if (event.key === 'Enter') submit(); });
    // Without a token there is nothing to go on with.
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Waits for another token than the one that was refused; all who ask at once share one dialog.
export async function askForToken(refused) {
  while (currentToken() === refused) {
    asked ??= openDialog(refused).finally(() => { asked = null; });
    await asked;
  }
}
