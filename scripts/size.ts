// `npm run size`: what each entry point weighs with its dependencies inside, minified; under it, with a plus, what it loads
// only when it is needed. The last column is what comes at once when esbuild splits it, a file for each set of sharers.
// `-- --json` prints the same as one object, in bytes. Fails when a budget is exceeded.
import { budgets, entryPoints, type Size, sizeOf } from './bundle.js'

export async function main(args: readonly string[]): Promise<number> {
  const sizes = await Promise.all(entryPoints().map(sizeOf))
  process.stdout.write(args.includes('--json') ? `${JSON.stringify(asJson(sizes))}\n` : table(sizes))
  const over = sizes.filter(({ name, gzip }) => gzip > (budgets[name] ?? Number.POSITIVE_INFINITY))
  for (const { name, gzip } of over)
    process.stderr.write(`${name} weighs ${gzip} bytes after gzip; its budget is ${budgets[name]}.\n`)
  return over.length === 0 ? 0 : 1
}

function asJson(sizes: readonly Size[]): unknown {
  return { version: 1, entries: sizes.map((size) => ({ ...size, budget: budgets[size.name] ?? null })) }
}

function table(sizes: readonly Size[]): string {
  const rows = [
    ['entry point', 'minified', 'gzip', 'brotli', 'budget (gzip)', 'split (gzip)'],
    ...sizes.flatMap(({ name, minified, gzip, brotli, split, lazy }) => [
      [
        name,
        kilo(minified),
        kilo(gzip),
        kilo(brotli),
        budgets[name] === undefined ? '' : kilo(budgets[name]),
        split.files === 1 ? '' : `${kilo(split.gzip)}, ${split.files} files`,
      ],
      ...lazy.map((chunk) => [
        `  + ${chunk.name}`,
        kilo(chunk.minified),
        kilo(chunk.gzip),
        kilo(chunk.brotli),
        '',
        '',
      ]),
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd()
  return `${rows.map(line).join('\n')}\n`
}

/** Thousands of bytes, as budgets are written. */
function kilo(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}
