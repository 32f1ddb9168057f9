// The Worker is no way to other places: it takes the names of configured targets and nothing that looks like an address, so
// neither loopback nor metadata addresses can be reached through it, whatever the request says.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bundleWorker,
  openPage,
  origin,
  type RunningWorker,
  refusalOf,
  startWorker,
  token,
} from '../worker/support.js'

const credentials = { Origin: origin, Authorization: `Bearer ${token}` }
let decoy: Server
let worker: RunningWorker
let visits = 0
let address: string

beforeAll(async () => {
  decoy = createServer((_, response) => response.end('reached')).listen(0, '127.0.0.1')
  decoy.on('connection', () => visits++)
  await once(decoy, 'listening')
  address = `127.0.0.1:${(decoy.address() as AddressInfo).port}`
  worker = await startWorker(await bundleWorker(), {
    ALLOWED_ORIGINS: origin,
    TOKENS: JSON.stringify({ tester: token }),
    TARGETS: { far: { origin: 'http://127.0.0.1:1', doors: ['tunnel'] } },
  })
}, 120_000)

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  decoy?.closeAllConnections()
  decoy?.close()
})

const places = () => [
  encodeURIComponent(`http://${address}`),
  encodeURIComponent(`http://${address}/`).replaceAll('%', '%25'),
  address,
  'http:',
  `far@${address}`,
  `far%2F..%2F${address}`,
  '169.254.169.254',
  encodeURIComponent('http://169.254.169.254/latest/meta-data/'),
  '%5B%3A%3A1%5D',
  '2130706433',
  '0x7f000001',
  'localhost',
  'metadata.google.internal',
  '__proto__',
  'toString',
  'FAR',
  'far%00',
  'f%61r%2e',
]

describe('a target that is not configured', () => {
  it('is refused at each door, and nothing is dialed', async () => {
    for (const place of places()) {
      for (const door of ['tunnel', 'agent']) {
        const answer = await openPage(`${worker.url}/${door}/${place}`, credentials)
        if (!(answer instanceof Response)) throw new Error(`${door}/${place} opened`)
        const { status, code } = await refusalOf(answer)
        expect([place, door, status]).toEqual([place, door, 404])
        expect(['ERR_TARGET_UNKNOWN', 'ERR_ROUTE_UNKNOWN']).toContain(code)
      }
    }
    expect(visits).toBe(0)
  })

  it('is not said by query, fields or an absolute target either', async () => {
    const { port } = new URL(worker.url)
    const say = async (target: string, fields: string) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.write(
        `GET ${target} HTTP/1.1\r\n${fields}Connection: close\r\nOrigin: ${origin}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      )
      let answer = ''
      for await (const chunk of socket) answer += chunk
      return Number(answer.split(' ')[1])
    }
    const forwarded = `X-Forwarded-Host: ${address}\r\nForwarded: host=${address}\r\nX-Original-URL: http://${address}/\r\n`
    expect(
      await say(`/agent/nowhere?target=${address}&url=http://${address}/`, `Host: x\r\n${forwarded}`),
    ).toBe(404)
    expect(await say('/agent/nowhere', `Host: ${address}\r\n`)).toBe(404)
    // Whatever the runtime makes of these, it is no request to the decoy.
    await say(`http://${address}/agent/far`, `Host: ${address}\r\n`)
    await say(`//${address}/agent/far`, 'Host: x\r\n')
    expect(visits).toBe(0)
  })

  it('is told in one line, without the address', () => {
    expect(worker.log.length).toBeGreaterThan(places().length)
    const lines = JSON.stringify(worker.log)
    expect(lines).not.toContain(address)
    expect(lines).not.toContain('169.254')
    for (const { event } of worker.log) expect(event).toBe('refused')
  })
})
