// Bundles the shim into one file, so that each of the runner's many starts reads only that: `node build.mjs [outfile]`.
// The file appears by renaming, whole or not at all: several starts may build at once.
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const outfile = process.argv[2] ?? join(here, '../../node_modules/.cache/underpass-bogo/shim.cjs')
const half = `${outfile}.${process.pid}`
mkdirSync(dirname(outfile), { recursive: true })
try {
  await build({
    entryPoints: [join(here, 'shim.ts')],
    outfile: half,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    logLevel: 'warning',
  })
  renameSync(half, outfile)
} finally {
  rmSync(half, { force: true })
}
