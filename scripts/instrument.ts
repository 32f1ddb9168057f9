// An esbuild plugin that counts: each statement and branch of our sources bumps a counter of its own in `globalThis.__coverage__`
// (istanbul's, as coverage reports use it). Guided fuzzing reads them after every execution.
import { readFile } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { type Plugin, transform } from 'esbuild'
import { createInstrumenter } from 'istanbul-lib-instrument'

export const instrumented: Plugin = {
  name: 'instrumented',
  setup(build) {
    const source = `${process.cwd()}${sep}src${sep}`
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!path.startsWith(source)) return undefined
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'ts', target: 'es2022' })
      const instrumenter = createInstrumenter({ esModules: true, compact: false })
      return { contents: instrumenter.instrumentSync(code, relative(process.cwd(), path)), loader: 'js' }
    })
  },
}
