// Large values, and content that a handler stored, come as a reference: where they are in a value.

const most = 20;
const id = /^sha256-[0-9a-f]{64}$/;
const extensions = new Map([['application/json', '.json'], ['application/x-ndjson', '.ndjson'], ['text/plain', '.txt'], ['text/csv', '.csv']]);

function is_reference(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && typeof value.$artifact === 'string' && id.test(value.$artifact);
}

/** [{where, reference}] of the references in a value, at most 20 of them; `where` is empty for the value itself alone. */
export function references(value) {
  const found = [];
  const look = (one, path) => {
    if (one === null || typeof one !== 'object' || found.length >= most) return;
    if (is_reference(one)) found.push({where: path.map((name) => name || '""').join('.'), reference: one});
    else for (const [name, part] of Object.entries(one)) look(part, [...path, name]);
  };
  look(value, []);
  return found;
}

/** The machine put it there: the value itself is too large to be shown, or to be sent again from a page. */
export function stands_for_value(value) {
  return is_reference(value) && value.automatic === true;
}

/** A name for the file with its content. */
export function file_name(reference) {
  return reference.$artifact + (extensions.get(reference.media_type) || '');
}
