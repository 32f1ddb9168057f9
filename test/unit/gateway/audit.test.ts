import { readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import type { GatewayEvent } from '../../../src/gateway/events.js'
import { type Audit, type AuditOptions, openAudit } from '../../../src/gateway/service/audit.js'
import { cleanText } from '../../../src/gateway/service/clean-text.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/files.js'

const opened: Array<() => unknown> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const client = {
  subject: 'CN=alice\nO=x',
  commonName: 'ali\nce\u202e\u009b',
  serialNumber: '01',
  fingerprint: 'AA:BB',
  notAfter: 0,
  dns: [],
  uri: [],
  spki: '',
  certificate: new Uint8Array(),
}
const opening: GatewayEvent = {
  type: 'opened',
  tunnel: 1,
  door: 'direct',
  framing: 'raw',
  address: '192.0.2.1',
  route: 'db',
  alpn: 'echo',
  serverName: undefined,
  version: 'TLSv1.3',
  resumed: false,
  client,
  took: 3,
}
const closing: GatewayEvent = {
  type: 'closed',
  tunnel: 1,
  route: 'db',
  address: '192.0.2.1',
  bytesFromClient: 5,
  bytesToClient: 6,
  duration: 7,
  error: undefined,
}
const refusal: GatewayEvent = {
  type: 'refused',
  door: 'upgrade',
  address: '192.0.2.1',
  error: failure('ERR_GATEWAY_NO_ROUTE', 'none'),
}

async function start(
  change: Partial<AuditOptions> = {},
): Promise<{ audit: Audit; folder: TemporaryFolder; lines(): unknown[]; told: Array<string | undefined> }> {
  const folder = await temporaryFolder('audit')
  opened.push(folder.remove)
  const told: Array<string | undefined> = []
  const file = join(folder.path, 'audit.log')
  const audit = openAudit({ file, whenFull: 'refuse', changed: (failing) => told.push(failing), ...change })
  opened.push(() => audit.close())
  const lines = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown)
  return { audit, folder, lines, told }
}

describe('the audit', () => {
  it('has one line for a tunnel, with who and how much, and none for its opening', async () => {
    const { audit, lines } = await start()
    audit.record(opening)
    audit.record(closing)
    audit.record(refusal)
    expect(lines()).toMatchObject([
      {
        verdict: 'completed',
        route: 'db',
        client: { commonName: 'ali\\u{a}ce\\u{202e}\\u{9b}', fingerprint: 'AA:BB' },
        bytesFromClient: 5,
        bytesToClient: 6,
      },
      { verdict: 'refused', code: 'ERR_GATEWAY_NO_ROUTE', door: 'upgrade' },
    ])
  })

  it('counts what a full disk does not take, tells once, refuses, and recovers', async () => {
    let room = 0
    const write = (descriptor: number, line: Buffer) => {
      if (room === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      return writeSync(descriptor, line)
    }
    const { audit, lines, told } = await start({ write })
    audit.record(refusal)
    audit.record(refusal)
    expect(audit.lost()).toBe(2)
    expect(audit.refuse()).toContain('ENOSPC')
    room = 1
    audit.record(refusal)
    expect(audit.refuse()).toBeUndefined()
    expect(told).toEqual(['ENOSPC', undefined])
    expect(lines()).toHaveLength(1)
  })

  it('does not refuse where it was told to go on', async () => {
    const write = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    }
    const { audit } = await start({ write, whenFull: 'continue' })
    audit.record(refusal)
    expect([audit.lost(), audit.refuse()]).toEqual([1, undefined])
  })

  it('keeps a line that was cut short apart from the next', async () => {
    let first = true
    const write = (descriptor: number, line: Buffer) => {
      const part = first ? line.subarray(0, 5) : line
      first = false
      return writeSync(descriptor, part)
    }
    const { audit, folder } = await start({ write })
    audit.record(refusal)
    audit.record(refusal)
    const [torn, whole, end] = readFileSync(join(folder.path, 'audit.log'), 'utf8').split('\n')
    expect(torn).toHaveLength(5)
    expect(JSON.parse(whole!)).toMatchObject({ verdict: 'refused' })
    expect(end).toBe('')
    expect(audit.lost()).toBe(1)
  })

  it('keeps them apart also where nothing at all could be written in between', async () => {
    const room = [5, 0]
    const write = (descriptor: number, line: Buffer) =>
      writeSync(descriptor, line.subarray(0, room.shift() ?? line.length))
    const { audit, folder } = await start({ write })
    for (let i = 0; i < 3; i++) audit.record(refusal)
    const [torn, whole, end] = readFileSync(join(folder.path, 'audit.log'), 'utf8').split('\n')
    expect(torn).toHaveLength(5)
    expect(JSON.parse(whole!)).toMatchObject({ verdict: 'refused' })
    expect(end).toBe('')
    expect(audit.lost()).toBe(2)
  })

  it('goes on in a new file after the old one was moved', async () => {
    const { audit, folder, lines } = await start()
    audit.record(refusal)
    renameSync(join(folder.path, 'audit.log'), join(folder.path, 'audit.log.1'))
    audit.reopen()
    audit.record(closing)
    expect(lines()).toMatchObject([{ verdict: 'completed' }])
  })

  it('fails with ERR_GATEWAY_CONFIG where its file cannot be', async () => {
    await expect(start({ file: '/nowhere/at/all' })).rejects.toMatchObject({ code: 'ERR_GATEWAY_CONFIG' })
  })
})

describe('cleanText', () => {
  it.each([
    ['plain ünïcode 漢字', 'plain ünïcode 漢字'],
    ['a\r\nb\tc\u0000', 'a\\u{d}\\u{a}b\\u{9}c\\u{0}'],
    ['\u2028\u2029\u202e\u2066\u009b31m', '\\u{2028}\\u{2029}\\u{202e}\\u{2066}\\u{9b}31m'],
  ])('of %j', (text, clean) => {
    expect(cleanText(text)).toBe(clean)
  })

  it('has an end', () => {
    expect(cleanText('x'.repeat(5_000))).toHaveLength(1_025)
  })
})
