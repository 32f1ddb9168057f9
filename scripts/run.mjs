// Runs a TypeScript script of this folder: `node scripts/run.mjs size --json` bundles scripts/size.ts and calls its `main`.
// Node 20 cannot strip types by itself.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const [name, ...args] = process.argv.slice(2)
const folder = join(process.cwd(), 'node_modules', '.underpass-scripts')
const outfile = join(folder, `${name}-${process.pid}.mjs`)
mkdirSync(folder, { recursive: true })
const entryPoints = [join('scripts', `${name}.ts`)]
await build({
  entryPoints,
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
})
try {
  const { main } = await import(pathToFileURL(outfile).href)
  process.exitCode = await main(args)
} finally {
  rmSync(outfile, { force: true })
}
