// `npm run docs:interop`: runs the interop matrix and writes docs/interop.md from what it found. Needs every server of it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { columns, type MatrixResult, writeTable } from '../test/interop/matrix-table.js'

export function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'underpass-interop-'))
  const file = join(folder, 'result.json')
  try {
    const ran = spawnSync(
      process.execPath,
      [
        join('node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--project',
        'node',
        'test/interop/matrix.test.ts',
        // The document that it checks is about to be written.
        '-t',
        '^(?!the matrix)',
      ],
      { stdio: 'inherit', env: { ...process.env, CI: 'true', UNDERPASS_INTEROP_RESULT: file } },
    )
    if (ran.status !== 0) return ran.status ?? 1
    writeFileSync('docs/interop.md', interopDocument(JSON.parse(readFileSync(file, 'utf8')) as MatrixResult))
    process.stdout.write('docs/interop.md\n')
    return 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function interopDocument(result: MatrixResult): string {
  const software = result.software.map(([name, version]) => `| ${name} | ${version} |`)
  const meanings = Object.values(columns).map(([heading, meaning]) => `- **${heading}**: ${meaning}`)
  return `# Interoperability

<!-- Generated from a run of test/interop/matrix.test.ts by \`npm run docs:interop\`. -->

The TLS client against servers of other people, as Debian packages them. Every cell is at least one handshake of its own over
loopback TCP, in which version, suite, group, signature, the server's chain and its name are checked. \`npm test\` makes the
same run and prints the same table.

| software | version |
|---|---|
${software.join('\n')}

## What a cell says

*yes*: done, and everything checked; *refused*: tried, and refused with the error that belongs to it; *-*: not tried. A number
points to a note below the table. *Key* is the kind of the server's key; its root, and the roots of the clients, have keys of
the same kind as the certificates below them.

${meanings.join('\n')}

## The table

${writeTable(result)}`
}
