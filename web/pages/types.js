// The registry of job types.

import {get} from '../lib/api.js';
import {fill, h} from '../lib/dom.js';
import {link} from '../lib/router.js';
import {badge, facts, json_block, nothing, tags} from '../lib/ui.js';

/** A field that leaves those items of a list whose text has what is written. */
export function filter_field(label, cards) {
  const input = h('input', {type: 'search', id: 'search', placeholder: 'name, tag or words', input: () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of cards) card.hidden = !words.every((word) => card.textContent.toLowerCase().includes(word));
  }});
  return h('form', {role: 'search', class: 'search', submit: (event) => event.preventDefault()}, h('label', {for: 'search'}, label), input);
}

function card(type) {
  return h('section', {class: 'card', id: `type-${type.name}`},
    h('div', {class: 'title-row'}, h('h2', {}, type.name, ' ', type.enabled === false ? badge('disabled') : null), h('div', {class: 'buttons'},
      h('a', {class: 'button', href: link(['submit'], {type: type.name}), 'aria-label': `Submit ${type.name}`}, 'Submit'),
      h('a', {class: 'button quiet', href: link(['jobs'], {q: `type:${type.name}`}), 'aria-label': `Jobs of ${type.name}`}, 'Jobs'))),
    h('p', {}, type.description),
    facts(['Tags', type.tags.length ? tags(type.tags) : ''], ['Version', type.version], ['Stages', type.stages.length ? type.stages.join(' → ') : ''],
      ['Unique', type.unique_by_params ? 'by its params' : '']),
    h('details', {}, h('summary', {}, 'Schema of the params'), json_block(`Schema of ${type.name}`, type.params_schema)));
}

export async function show_types(root, route, signal) {
  document.title = 'Job types · CoreMachine';
  const types = await get('job-types', {}, signal);
  const cards = types.map(card);
  fill(root, h('h1', {}, 'Job types'), filter_field('Search', cards), cards.length ? cards : nothing('No job type is registered.'));
}
