// Chromium and workerd: every benchmark that the files chromium*.ts and workerd*.ts beside this one export.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundled } from './processes.js'
import type { Benchmark, Row } from './row.js'

export const platforms: Benchmark = {
  name: 'platforms',
  async run(options) {
    const rows: Row[] = []
    const names = readdirSync(join('test', 'bench')).flatMap(
      (file) => /^((?:chromium|workerd)[\w-]*)\.ts$/.exec(file)?.[1] ?? [],
    )
    // `workerd` before `workerd-start`: whom miniflare trusts is settled when it is loaded (test/support/workerd.ts).
    for (const name of names.sort()) {
      const module: unknown = await import(pathToFileURL(await bundled(name)).href)
      for (const one of Object.values(module as object).filter(isBenchmark))
        rows.push(...(await one.run(options)))
    }
    return rows
  },
}

function isBenchmark(value: unknown): value is Benchmark {
  return typeof value === 'object' && value !== null && 'run' in value && 'name' in value
}
