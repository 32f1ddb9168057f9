// Comma-separated values as RFC 4180 has them: CRLF between records, quotes where a field needs them.

/** A field; `null` is SQL's NULL, an empty field. The empty string is told apart from it by its quotes. */
export type Field = string | null

export function csv(columns: readonly string[], rows: Iterable<readonly Field[]>): string {
  const lines = [record(columns)]
  for (const row of rows) lines.push(record(row))
  return `${lines.join('\r\n')}\r\n`
}

function record(fields: readonly Field[]): string {
  return fields.map(field).join(',')
}

function field(value: Field): string {
  if (value === null) return ''
  // RFC 4180 §2: fields with line breaks, double quotes or commas are enclosed; a quote within is doubled.
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
