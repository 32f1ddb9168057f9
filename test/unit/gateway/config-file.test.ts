// The configuration file: schema and checker say the same (ajv is the judge), complaints name the entry, and what is read
// becomes the options that the library takes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, describe, expect, it } from 'vitest'
import { problemsOf } from '../../../src/gateway/file/check.js'
import { loadConfig } from '../../../src/gateway/file/load.js'
import { nearest } from '../../../src/gateway/file/nearest.js'
import { parseConfig } from '../../../src/gateway/file/read.js'
import { gatewaySchema } from '../../../src/gateway/file/schema.js'
import { defaultLimits, defaultTimeouts } from '../../../src/gateway/options.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/files.js'
import { credentials } from './clients.js'

const judge = new Ajv({ allErrors: true }).compile(gatewaySchema)

const good = {
  listen: {
    upgrade: { port: 0, host: '::1', path: '/x', forwardedFor: { trusted: ['10.0.0.0/8'] }, console: false },
    direct: { port: 0 },
    admin: { port: 0 },
  },
  identity: { certificate: 'server.crt', privateKey: 'server.key' },
  identities: [{ serverName: ['a.test', '*.b.test'], certificate: 'server.crt', privateKey: 'server.key' }],
  routes: [
    {
      name: 'db',
      alpn: 'teleport-postgres',
      ping: true,
      serverName: 'kube.*',
      connect: { port: 5432 },
      client: {
        trust: 'client-ca.crt',
        allow: [{ commonName: 'alice' }, { dns: { pattern: '.*\\.test' }, organization: 'access' }],
        pins: ['sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='],
      },
    },
    {
      name: 'fwd',
      alpn: ['teleport-auth@*'],
      tls: 'forward',
      connect: { path: '/x' },
      client: 'left-to-the-service',
    },
    {
      name: 'web',
      alpn: 'http/1.1',
      connect: { port: 80, http: { identityHeaders: ['client-cert'] } },
      client: 'anyone-without-a-certificate',
    },
  ],
  pingInterval: '20s',
  timeouts: { idle: 0, request: '5s' },
  limits: { frame: 65_536 },
  log: { level: 'warn' },
  audit: { file: 'audit.log', whenFull: 'refuse' },
  shutdown: { delay: '1s', deadline: '2m' },
  reload: { watch: false, interval: '1s' },
}

const folders: TemporaryFolder[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove()
})

async function folderWith(files: Readonly<Record<string, string>>): Promise<TemporaryFolder> {
  const { server, clientCa } = await credentials()
  const folder = await temporaryFolder('config')
  folders.push(folder)
  const all = {
    'server.crt': server.certificate,
    'server.key': server.privateKey,
    'client-ca.crt': clientCa,
    ...files,
  }
  for (const [name, content] of Object.entries(all)) await folder.write(name, content)
  return folder
}

describe('schema and checker', () => {
  it('have the published file for a copy (npm run docs)', () => {
    expect(JSON.parse(readFileSync('docs/schemas/gateway.json', 'utf8'))).toEqual(gatewaySchema)
  })

  it('name the defaults that the library has', () => {
    const { timeouts, limits } = gatewaySchema.properties!
    const told = Object.entries(limits!.properties!).map(([name, each]) => [name, each.default])
    expect(Object.fromEntries(told)).toEqual(defaultLimits)
    expect(Object.keys(timeouts!.properties!)).toEqual(Object.keys(defaultTimeouts))
    for (const [name, each] of Object.entries(timeouts!.properties!)) {
      const seconds = Number(String(each.default).replace('s', ''))
      expect(seconds * 1_000).toBe(defaultTimeouts[name as keyof typeof defaultTimeouts])
    }
  })

  it('both take a good one', () => {
    expect(problemsOf(good, gatewaySchema)).toEqual([])
    expect(judge(good)).toBe(true)
  })

  it('agree on every value put in the place of every entry', () => {
    const odd = [
      null,
      true,
      0,
      -1,
      0.5,
      70_000,
      2 ** 31,
      '',
      'x',
      '5s',
      '/p',
      [],
      [''],
      ['x'],
      {},
      { port: 1 },
      { x: 1 },
    ]
    let wrong = 0
    for (const place of placesIn(good)) {
      for (const value of odd) {
        const changed = replaced(good, place, value)
        const verdict = judge(changed)
        expect([place, value, problemsOf(changed, gatewaySchema).length === 0]).toEqual([
          place,
          value,
          verdict,
        ])
        if (!verdict) wrong++
      }
      const removed = replaced(good, place, undefined)
      expect([place, problemsOf(removed, gatewaySchema).length === 0]).toEqual([place, judge(removed)])
    }
    // Had all been fine, nothing would have been tried.
    expect(wrong).toBeGreaterThan(500)
  })
})

describe('a complaint', () => {
  it.each([
    ['listn', { listn: {} }, 'did you mean listen?'],
    ['routes[0].alnp', { routes: [{ ...good.routes[0], alnp: 1 }] }, 'did you mean alpn?'],
    [
      'routes[0].client.alow',
      { routes: [{ ...good.routes[0], client: { trust: 'x', alow: [] } }] },
      'did you mean allow?',
    ],
    ['timeouts.hand_shake', { timeouts: { hand_shake: 1 } }, 'did you mean handshake?'],
    ['log.level', { log: { level: 'wran' } }, 'did you mean warn?'],
    [
      'routes[0].client',
      { routes: [{ ...good.routes[0], client: 'anyone' }] },
      'anyone-without-a-certificate',
    ],
    [
      'routes[0].connect',
      { routes: [{ ...good.routes[0], connect: { port: 1, path: '/x' } }] },
      'either port or path',
    ],
    ['listen.upgrade.port', { listen: { upgrade: { port: '80' } } }, 'a whole number'],
    ['pingInterval', { pingInterval: '5 seconds' }, 'must look like'],
    ['routes[0].name', { routes: [{ ...good.routes[0], name: undefined }] }, ''],
  ])('names %s', (path, change, reason) => {
    const [problem] = problemsOf({ ...good, ...change }, gatewaySchema)
    expect(problem!.path).toBe(path)
    expect(problem!.reason).toContain(reason)
  })

  it('says where a file stops being TOML or JSON, without quoting it', () => {
    expect(() => parseConfig('a.toml', '[listen]\nport = "hunter2')).toThrow(
      expect.objectContaining({
        code: 'ERR_GATEWAY_CONFIG',
        detail: expect.stringMatching(/^a\.toml:2:\d+: /),
      }),
    )
    for (const [name, text] of [
      ['a.toml', 'x = "hunter2'],
      ['a.json', '{"a": hunter2}'],
    ] as const) {
      expect(() => parseConfig(name, text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      )
    }
  })

  it('names the file that a path leads to', async () => {
    const folder = await folderWith({
      'g.json': JSON.stringify({ ...good, identity: { ...good.identity, privateKey: 'no.key' } }),
    })
    await expect(loadConfig(join(folder.path, 'g.json'))).rejects.toMatchObject({
      code: 'ERR_GATEWAY_CONFIG',
      detail: expect.stringMatching(/^identity\.privateKey: cannot read .*no\.key \(ENOENT\)$/),
    })
  })

  it.each([
    ['{"a":1,"a":2}', true],
    ['{"a":{"b":1},"c":{"b":"a\\":"},"d":["x:",{"__proto__":1}]}', false],
    ['{"a":[{"b":1,"b" :2}]}', true],
  ])('of JSON names a key that stands twice: %s', (text, twice) => {
    if (!twice) expect(parseConfig('g.json', text)).toEqual(JSON.parse(text))
    else
      expect(() => parseConfig('g.json', text)).toThrow(
        expect.objectContaining({
          code: 'ERR_GATEWAY_CONFIG',
          detail: 'g.json: a key stands twice in one object',
        }),
      )
  })

  it('names a server name that two identities have', async () => {
    const identities = ['a.test', 'A.test'].map((serverName) => ({ serverName, ...good.identity }))
    const folder = await folderWith({ 'g.json': JSON.stringify({ ...good, identities }) })
    await expect(loadConfig(join(folder.path, 'g.json'))).rejects.toMatchObject({
      code: 'ERR_GATEWAY_CONFIG',
      detail: 'identities[1].serverName: "A.test" is taken',
    })
  })

  it('names an entry that only fits its schema', async () => {
    const routes = [{ ...good.routes[0], client: { trust: 'server.key' } }]
    const folder = await folderWith({ 'g.json': JSON.stringify({ ...good, routes }) })
    await expect(loadConfig(join(folder.path, 'g.json'))).rejects.toMatchObject({
      detail: expect.stringContaining('routes[0].client.trust'),
    })
  })
})

describe('loadConfig', () => {
  it('gives the options of the library, with files read and durations in milliseconds', async () => {
    const { server, clientCa } = await credentials()
    const folder = await folderWith({ 'g.json': JSON.stringify(good) })
    const { options, service, files } = await loadConfig(join(folder.path, 'g.json'))
    expect(options).toMatchObject({
      identity: server,
      identities: { 'a.test': server, '*.b.test': server },
      pingInterval: 20_000,
      timeouts: { idle: 0, request: 5_000 },
    })
    expect(options.listen).not.toHaveProperty('admin')
    expect(options.routes[0]!.client).toEqual({
      trust: [clientCa],
      allow: [{ commonName: 'alice' }, { dns: /.*\.test/u, organization: 'access' }],
      pins: good.routes[0]!.client instanceof Object ? good.routes[0]!.client.pins : [],
    })
    expect(service).toEqual({
      admin: { host: '127.0.0.1', port: 0 },
      log: { level: 'warn', file: undefined },
      audit: { file: join(folder.path, 'audit.log'), whenFull: 'refuse' },
      shutdown: { delay: 1_000, deadline: 120_000 },
      reload: { watch: false, interval: 1_000 },
    })
    expect(new Set(files)).toEqual(
      new Set(['g.json', 'server.crt', 'server.key', 'client-ca.crt'].map((name) => join(folder.path, name))),
    )
  })

  it('takes no duration that a timer cannot wait', async () => {
    for (const [key, more] of [
      ['shutdown.deadline', '[shutdown]\ndeadline = "600h"'],
      ['reload.interval', '[reload]\ninterval = "600h"'],
    ]) {
      const folder = await folderWith({
        'g.toml': `
          listen = { direct = { port = 0 } }
          identity = { certificate = "server.crt", privateKey = "server.key" }
          routes = [{ name = "a", alpn = "a", connect = { port = 1 }, client = "anyone-without-a-certificate" }]
          ${more}
        `,
      })
      await expect(loadConfig(join(folder.path, 'g.toml'))).rejects.toMatchObject({
        code: 'ERR_GATEWAY_CONFIG',
        detail: expect.stringContaining(key!),
      })
    }
  })

  it('reads TOML alike', async () => {
    const folder = await folderWith({
      'g.toml': `
        [listen.upgrade]
        port = 0
        [identity]
        certificate = "server.crt"
        privateKey = "server.key"
        [[routes]]
        name = "db"
        alpn = ["teleport-postgres"]
        connect = { port = 5432, proxyProtocol = "v2" }
        client = { trust = "client-ca.crt", allow = [{ uri = { pattern = "spiffe://.*" } }] }
      `,
    })
    const { options, service } = await loadConfig(join(folder.path, 'g.toml'))
    expect(options.routes[0]).toMatchObject({ connect: { port: 5432, proxyProtocol: 'v2' } })
    expect(service).toMatchObject({
      admin: undefined,
      audit: undefined,
      shutdown: { delay: 0, deadline: 30_000 },
    })
  })
})

describe('nearest', () => {
  it.each([
    ['alnp', 'alpn'],
    ['max_connections', undefined],
    ['Timeouts', 'timeouts'],
    ['time-outs', 'timeouts'],
    ['zzz', undefined],
  ])('of %s is %s', (word, known) => {
    expect(nearest(word, ['alpn', 'timeouts', 'limits'])).toBe(known)
  })
})

type Place = ReadonlyArray<string | number>

function placesIn(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at]
  const inside = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [...(at.length > 0 ? [at] : []), ...inside.flatMap(([key, each]) => placesIn(each, [...at, key]))]
}

/** A copy with one entry changed; undefined takes it out. */
function replaced(value: unknown, place: Place, by: unknown): unknown {
  const copy = structuredClone(value)
  let holder = copy as Record<string | number, unknown>
  for (const key of place.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>
  const last = place.at(-1)!
  if (by !== undefined) holder[last] = by
  else if (Array.isArray(holder)) holder.splice(last as number, 1)
  else delete holder[last]
  return copy
}
