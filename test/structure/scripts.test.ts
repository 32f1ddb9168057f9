// Every script says what it does, and an option it does not have is a sentence, not a stack.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const scripts = readdirSync('scripts')
  .filter((file) => file.endsWith('.ts'))
  .filter((file) => /^export (?:async )?function main\b/m.test(readFileSync(`scripts/${file}`, 'utf8')))
  .map((file) => file.slice(0, -3))

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/run.mjs', ...args], { encoding: 'utf8' })

describe('scripts', () => {
  it.each(scripts)('%s --help', (name) => {
    const { status, stdout, stderr } = run(name, '--help')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^[^/\s].{40,}/)
  })

  it('refuse an unknown option', () => {
    const { status, stdout, stderr } = run('fuzz', '--nope')
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^fuzz: Unknown option '--nope'.*\nnode scripts\/run\.mjs fuzz --help\n$/)
  })
})
