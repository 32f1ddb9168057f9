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
    for (const file of readdirSync(join('test', 'bench')).sort()) {
      if (!/^(chromium|workerd)[\w-]*\.ts$/.test(file)) continue
      const module: unknown = await import(pathToFileURL(await bundled(file.slice(0, -3))).href)
      for (const one of Object.values(module as object).filter(isBenchmark))
        rows.push(...(await one.run(options)))
    }
    return rows
  },
}

function isBenchmark(value: unknown): value is Benchmark {
  return typeof value === 'object' && value !== null && 'run' in value && 'name' in value
}
