// The token of this tab, where the server asks for one. It is kept for as long as the tab is open, and goes into a
// header of each request, never into an address.

import {h} from './dom.js';

const key = 'coremachine.token';
let asking = null;

export function token() {
  return sessionStorage.getItem(key) || '';
}

function open_dialog(reason) {
  return new Promise((resolve) => {
    const field = h('input', {type: 'password', id: 'token', autocomplete: 'off', required: true});
    const dialog = h('dialog', {'aria-labelledby': 'token-title'},
      h('form', {submit: (event) => { event.preventDefault(); dialog.close('ok'); }},
        h('h2', {id: 'token-title'}, 'A token is needed'),
        h('p', {}, reason),
        h('label', {for: 'token'}, 'Token'), field,
        h('div', {class: 'buttons'},
          h('button', {type: 'submit'}, 'Use it'),
          h('button', {type: 'button', class: 'quiet', click: () => dialog.close('')}, 'Back'))));
    dialog.addEventListener('close', () => {
      const given = dialog.returnValue === 'ok' ? field.value.trim() : '';
      if (given) sessionStorage.setItem(key, given);
      dialog.remove();
      resolve(given !== '');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks for a token, once for all who ask at the same time. False: there is none. */
export async function ask_token(reason) {
  asking = asking || open_dialog(reason);
  try {
    return await asking;
  } finally {
    asking = null;
  }
}
