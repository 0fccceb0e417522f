// Large values, and content that a handler stored, come as a reference: where they are in a value.

const most = 20;
const id = /^sha256-[0-9a-f]{64}$/;
const extensions = {'application/json': '.json', 'application/x-ndjson': '.ndjson', 'text/plain': '.txt', 'text/csv': '.csv'};

/** [{where, reference}] of the references in a value, at most 20 of them; `where` is empty for the value itself. */
export function references(value) {
  const found = [];
  const look = (one, where) => {
    if (one === null || typeof one !== 'object' || found.length >= most) return;
    if (!Array.isArray(one) && id.test(one.$artifact)) found.push({where, reference: one});
    else for (const [name, part] of Object.entries(one)) look(part, where ? `${where}.${name}` : name);
  };
  look(value, '');
  return found;
}

/** The machine put it there: the value itself is too large to be shown, or to be sent again from a page. */
export function stands_for_value(value) {
  return references(value).some(({where, reference}) => where === '' && reference.automatic === true);
}

/** A name for the file with its content. */
export function file_name(reference) {
  return reference.$artifact + (extensions[reference.media_type] || '');
}
