// Inputs that once failed, by target: `seeds/<target>.json`, run before anything is generated.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Seed } from './run.js'

const folder = join(process.cwd(), 'test', 'fuzz', 'seeds')

export function seedsOf(target: string): readonly Seed[] {
  const path = join(folder, `${target}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Seed[]) : []
}
