// The Worker as `wrangler deploy` would send it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../structure/source.js'
import { bundleWorker, compatibilityDate, type WorkerBundle } from './support.js'

describe('npx wrangler deploy --dry-run', () => {
  let bundle: WorkerBundle
  beforeAll(async () => {
    bundle = await bundleWorker()
  })

  it('passes without a complaint', () => {
    expect(bundle.output).toContain('--dry-run: exiting now.')
    expect(bundle.output).not.toMatch(/warning|error/i)
  })

  it('weighs less than a megabyte compressed, by far', () => {
    const compressed = gzipSync(bundle.script).length
    expect(compressed).toBeLessThan(250_000)
  })

  it('evaluates no text as code', () => {
    expect(bundle.script).not.toMatch(/(?<![\w$.])eval\s*\(|\bnew Function\b/)
  })
})

describe('wrangler.toml', () => {
  const text = readFileSync(join(projectRoot, 'wrangler.toml'), 'utf8')
  const deployed = text.slice(0, text.indexOf('[env.dev'))

  it('begins with its schema, has the date that the tests run with, and observability', () => {
    expect(text.split('\n')[0]).toBe('#:schema node_modules/wrangler/config-schema.json')
    expect(text).toContain(`compatibility_date = "${compatibilityDate}"`)
    expect(text).toMatch(/\[observability\]\nenabled = true/)
    expect(text).toContain('send_metrics = false')
  })

  it('lets nobody anywhere', () => {
    const entries = deployed.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const vars = entries.slice(entries.indexOf('[vars]'), entries.indexOf('[[ratelimits]]'))
    expect(vars).toEqual(['[vars]', 'ALLOWED_ORIGINS = ""', '[vars.JWT]', '[vars.TARGETS]', '[vars.LIMITS]'])
  })
})
