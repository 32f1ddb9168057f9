// What the tables of docs/hardening.md share that are made from test cases: their place between two marks, and their form.

/** The document with `text` between the marks. */
export function between(document: string, begin: string, end: string, text: string): string {
  const [before, rest] = document.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined)
    throw new Error(`docs/hardening.md has lost the marks ${begin}`)
  return `${before}${begin}\n\n${text}\n\n${end}${after}`
}

/** A table under a title. */
export function table(
  title: string,
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [`### ${title}`, '', line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A code of the error table, as text shows it. */
export function code(name: string): string {
  return `\`${name}\``
}
