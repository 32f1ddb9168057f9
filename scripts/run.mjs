// Runs a TypeScript script of this folder: `node scripts/run.mjs size --json` bundles scripts/size.ts and calls its `main`.
// Node 20 cannot strip types by itself. `--help` says what stands at the script's head; options it does not have are status 2.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const [name, ...args] = process.argv.slice(2)
const script = join('scripts', `${name}.ts`)
if (args.includes('--help')) {
  const [head] = /^(?:\/\/.*\n)+/.exec(readFileSync(script, 'utf8'))
  process.stdout.write(head.replaceAll(/^\/\/ ?/gm, ''))
  process.exit()
}
const folder = join(process.cwd(), 'node_modules', '.underpass-scripts')
const outfile = join(folder, `${name}-${process.pid}.mjs`)
mkdirSync(folder, { recursive: true })
await build({
  entryPoints: [script],
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
} catch (error) {
  if (!String(error?.code).startsWith('ERR_PARSE_ARGS')) throw error
  process.stderr.write(`${name}: ${error.message}\nnode scripts/run.mjs ${name} --help\n`)
  process.exitCode = 2
} finally {
  rmSync(outfile, { force: true })
}
