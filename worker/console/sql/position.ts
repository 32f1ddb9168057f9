// Where in a query PostgreSQL found an error: it counts characters (code points) from 1.

export interface Place {
  /** From 1. */
  readonly line: number
  readonly column: number
  readonly text: string
  /** UTF-16 offset in the whole query, as text fields count. */
  readonly offset: number
}

export function placeOf(sql: string, position: number): Place | undefined {
  const characters = [...sql]
  if (!(position >= 1 && position <= characters.length + 1)) return undefined
  const before = characters.slice(0, position - 1).join('')
  const lineStart = before.lastIndexOf('\n') + 1
  const lineEnd = sql.indexOf('\n', before.length)
  return {
    line: before.split('\n').length,
    column: [...before.slice(lineStart)].length + 1,
    text: sql.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, ''),
    offset: before.length,
  }
}
