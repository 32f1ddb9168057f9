// /tunnel: a page's WebSocket through the real Worker to the real gateway, and to servers that misbehave.
import { once } from 'node:events'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { echoes, sample } from '../support/traffic.js'
import {
  bundleWorker,
  openPage,
  origin,
  page,
  pageDialer,
  type RunningWorker,
  refusalOf,
  startWorker,
  ticketKey,
  token,
  type WorkerBundle,
} from './support.js'
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream.js'

const MiB = 1024 * 1024
const secrets = { ALLOWED_ORIGINS: origin, TOKENS: JSON.stringify({ tester: token }), TICKET_KEY: ticketKey }
const credentials = { Origin: origin, Authorization: `Bearer ${token}` }

let bundle: WorkerBundle
let echo: Service
let stage: Stage
let upstream: Upstream
let worker: RunningWorker

beforeAll(async () => {
  ;[bundle, echo, upstream] = await Promise.all([bundleWorker(), startEcho(), startUpstream()])
  stage = await createStage({ echo: echo.port })
  const gateway = { origin: `http://127.0.0.1:${stage.upgradePort}` }
  const far = { origin: upstream.origin, doors: ['tunnel'] }
  worker = await startWorker(bundle, {
    ...secrets,
    EXTRA: JSON.stringify({ 'CF-Access-Client-Id': 'an id', 'X-Waf': 'a key' }),
    TARGETS: {
      gateway: { ...gateway, doors: ['tunnel'] },
      native: { ...gateway, doors: ['tunnel'], relay: 'native' },
      far: { ...far, headers: 'EXTRA' },
      'far-native': { ...far, relay: 'native' },
      reserved: { ...far, subjects: ['somebody else'] },
      closed: { ...far, doors: [] },
    },
  })
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await stage?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  await echo?.stop()
})

const tunnel = (name: string, at = worker) => `${at.url}/tunnel/${name}`

function ask(
  name: string,
  headers: Readonly<Record<string, string>> = credentials,
  at = worker,
): Promise<Response> {
  return fetch(`${tunnel(name, at)}/ticket`, { method: 'POST', headers })
}

async function ticketFor(name: string): Promise<string> {
  const { ticket } = (await (await ask(name)).json()) as { ticket: string }
  return ticket
}

async function pair(
  name = 'far',
  at = worker,
): Promise<{ here: Awaited<ReturnType<typeof page>>; there: WebSocket }> {
  const here = await page(tunnel(name, at), credentials)
  return { here, there: await upstream.socket() }
}

async function refused(opening: ReturnType<typeof openPage>): Promise<{ status: number; code: unknown }> {
  const answer = await opening
  if (!(answer instanceof Response)) throw new Error('it opened')
  return refusalOf(answer)
}

describe('mutual TLS between a page and the gateway', () => {
  it.each(['gateway', 'native'])('8 MiB both ways through the target %s', async (name) => {
    const dialer = pageDialer({
      origin: worker.url,
      path: `/tunnel/${name}?ticket=${await ticketFor(name)}`,
      headers: { Origin: origin },
      serverName: innerName,
      trust: stage.host.certificate,
      identity: await alice(),
      alpn: ['echo'],
    })
    const socket = await dialer.connect()
    expect(socket.info.tls).toMatchObject({ version: 'TLSv1.3', clientCertificate: true })
    await echoes(socket, sample(8 * MiB))
    await socket.close()
    await socket.closed
    await dialer.close()
    const line = await worker.logged({ event: 'tunnel', target: name })
    expect(line).toMatchObject({ route: '/tunnel', subject: 'tester' })
    if (name === 'native') return
    expect(line).toMatchObject({ code: 1000 })
    for (const way of ['up', 'down']) {
      expect(line[way]).toBeGreaterThan(8 * MiB)
      expect(line[way]).toBeLessThan(8.2 * MiB)
    }
  })

  async function alice() {
    const { chain, privateKey } = await stage.users.issue({ commonName: 'alice', usage: 'client' })
    return { certificate: chain, privateKey }
  }
})

describe('the relay', () => {
  it('tells the target what the policy says and nothing of the page', async () => {
    const headers = { ...credentials, Cookie: 'a=b', 'X-Own': 'page', 'User-Agent': 'page' }
    const here = await page(tunnel('far'), headers, ['other', 'alpn', 'alpn-ping'])
    expect(here.ws.protocol).toBe('alpn-ping')
    await upstream.socket()
    const request = upstream.requests.at(-1)!
    expect(request).toMatchObject({
      'sec-websocket-protocol': 'alpn-ping',
      'cf-access-client-id': 'an id',
      'x-waf': 'a key',
    })
    expect(JSON.stringify(request)).not.toMatch(/a=b|page|a-token|console\.test/)
    here.ws.close(1000)
    await here.closed
  })

  it('sends messages of at most 64 KiB, in order', async () => {
    const { here, there } = await pair()
    const bytes = Buffer.from(sample(300_000))
    for (const each of [here.ws, there]) each.binaryType = 'nodebuffer'
    there.send(bytes)
    const parts = await here.messages(5)
    expect(parts.map((part) => part.length)).toEqual([65_536, 65_536, 65_536, 65_536, 37_856])
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    here.ws.close(1000)
    await here.closed
  })

  it('gathers small messages that come close together', async () => {
    const { here, there } = await pair()
    const bytes = Buffer.from(sample(200_000))
    const received: Buffer[] = []
    there.on('message', (data: Buffer) => received.push(data))
    for (let at = 0; at < bytes.length; at += 100) here.ws.send(bytes.subarray(at, at + 100))
    const ended = once(there, 'close')
    here.ws.close(1000)
    await ended
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
    expect(received.length).toBeLessThan(1000)
  })

  it.each([
    [1000, 'done'],
    [1001, 'away'],
    [1011, ''],
    [4321, 'own'],
  ])('passes close code %i on, both ways', async (code, reason) => {
    const down = await pair()
    down.there.close(code, reason)
    expect(await down.here.closed).toEqual({ code, reason })
    const up = await pair()
    const ended = once(up.there, 'close')
    up.here.ws.close(code, reason)
    const [seen, why] = await ended
    expect([seen, String(why)]).toEqual([code, reason])
    expect((await up.here.closed).code).toBe(code)
  })

  it('closes the page with 1011 when the target vanishes', async () => {
    const { here, there } = await pair()
    there.terminate()
    expect(await here.closed).toEqual({ code: 1011, reason: 'ERR_RELAY_UPSTREAM_LOST' })
    await worker.logged({ event: 'tunnel', code: 'ERR_RELAY_UPSTREAM_LOST' })
  })

  it('closes the target with 1001 when the page vanishes', async () => {
    const { here, there } = await pair()
    const ended = once(there, 'close')
    here.ws.terminate()
    const [code, reason] = await ended
    expect([code, String(reason)]).toEqual([1001, 'ERR_RELAY_CLIENT_LOST'])
    await worker.logged({ event: 'tunnel', code: 'ERR_RELAY_CLIENT_LOST' })
  })

  it('refuses text with 1003 on both sides', async () => {
    const { here, there } = await pair()
    const ended = once(there, 'close')
    here.ws.send('text')
    expect(await here.closed).toEqual({ code: 1003, reason: 'ERR_RELAY_TEXT' })
    expect((await ended)[0]).toBe(1003)
  })
})

describe('a page that does not read', () => {
  it('stops the target, where the relay is native', async () => {
    const { here, there } = await pair('far-native')
    here.ws.pause()
    const [piece, count] = [Buffer.alloc(65_536), 1024]
    let sent = 0
    for (let i = 0; i < count; i++) there.send(piece, () => sent++)
    // Everything between the two takes a few MiB, and no more however long one waits.
    let before = -1
    while (sent !== before) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    expect(sent).toBeLessThan(count / 2)
    here.ws.resume()
    const received = await here.messages(count)
    expect(received.reduce((sum, { length }) => sum + length, 0)).toBe(count * piece.length)
    here.ws.close(1000)
    await here.closed
  })
})

describe('limits', () => {
  it.each([
    ['bytes of one tunnel', { tunnelBytes: 100_000 }, 1009, 'ERR_RELAY_BYTES'],
    ['silence', { idleSeconds: 0.3 }, 1001, 'ERR_RELAY_IDLE'],
    ['life', { tunnelSeconds: 0.5 }, 1001, 'ERR_RELAY_TIME'],
  ])('%s', async (what, LIMITS, code, reason) => {
    await using limited = await startWorker(bundle, {
      ...secrets,
      LIMITS,
      TARGETS: { far: { origin: upstream.origin, doors: ['tunnel'] } },
    })
    const { here, there } = await pair('far', limited)
    const ended = once(there, 'close')
    if (what.startsWith('bytes')) {
      here.ws.send(Buffer.alloc(100_000))
      await once(there, 'message')
      here.ws.send(Buffer.alloc(1))
    }
    const talking = what === 'life' ? setInterval(() => here.ws.send(Buffer.alloc(1)), 100) : undefined
    expect(await here.closed).toEqual({ code, reason })
    clearInterval(talking)
    expect((await ended)[0]).toBe(code)
    await limited.logged({ event: 'tunnel', code: reason })
  })

  it('time to dial', async () => {
    await using silent = await startUpstream({ status: 0 })
    await using limited = await startWorker(bundle, {
      ...secrets,
      LIMITS: { dialSeconds: 0.3 },
      TARGETS: { far: { origin: silent.origin, doors: ['tunnel'] } },
    })
    expect(await refused(openPage(tunnel('far', limited), credentials))).toEqual({
      status: 504,
      code: 'ERR_UPSTREAM_TIMEOUT',
    })
  })

  it('requests of an address', async () => {
    await using limited = await startWorker(
      bundle,
      { ...secrets, TARGETS: {} },
      { ratelimits: { RATE_LIMIT: { simple: { limit: 2, period: 60 } } } },
    )
    const answers: unknown[] = []
    for (let i = 0; i < 5; i++) answers.push((await refusalOf(await ask('x', credentials, limited))).code)
    // They may fall into two periods: four can pass, five cannot.
    expect(answers[0]).toBe('ERR_TARGET_UNKNOWN')
    expect(answers).toContain('ERR_RATE_LIMITED')
  })
})

describe('refused before anything is dialed', () => {
  it.each([
    [
      'an origin that is not listed',
      'far',
      { ...credentials, Origin: 'https://evil.test' },
      403,
      'ERR_ORIGIN_NOT_ALLOWED',
    ],
    [
      'an origin that begins as a listed one',
      'far',
      { ...credentials, Origin: `${origin}.evil.test` },
      403,
      'ERR_ORIGIN_NOT_ALLOWED',
    ],
    ['the origin null', 'far', { ...credentials, Origin: 'null' }, 403, 'ERR_ORIGIN_NOT_ALLOWED'],
    ['no origin', 'far', { Authorization: credentials.Authorization }, 403, 'ERR_ORIGIN_MISSING'],
    ['no token', 'far', { Origin: origin }, 401, 'ERR_TOKEN_MISSING'],
    ['another scheme', 'far', { Origin: origin, Authorization: `Basic ${token}` }, 401, 'ERR_TOKEN_MISSING'],
    ['a wrong token', 'far', { Origin: origin, Authorization: `Bearer ${token}x` }, 401, 'ERR_TOKEN_INVALID'],
    ['an unknown target', 'nowhere', credentials, 404, 'ERR_TARGET_UNKNOWN'],
    ['a URL for a target', encodeURIComponent('http://127.0.0.1:1'), credentials, 404, 'ERR_TARGET_UNKNOWN'],
    ['a name of Object.prototype', 'constructor', credentials, 404, 'ERR_TARGET_UNKNOWN'],
    ['a target without the door', 'closed', credentials, 403, 'ERR_TARGET_DOOR'],
    ["somebody else's target", 'reserved', credentials, 403, 'ERR_SUBJECT_NOT_ALLOWED'],
  ])('%s', async (_, name, headers, status, code) => {
    const before = upstream.requests.length
    expect(await refused(openPage(tunnel(name), headers))).toEqual({ status, code })
    expect(await refusalOf(await ask(name, headers))).toEqual({ status, code })
    expect(upstream.requests.length).toBe(before)
  })

  it.each([
    ['a request without an upgrade', 'GET', '/tunnel/far', 426, 'ERR_UPGRADE_EXPECTED'],
    ['another method', 'POST', '/tunnel/far', 405, 'ERR_METHOD'],
    ['a ticket by GET', 'GET', '/tunnel/far/ticket', 405, 'ERR_METHOD'],
    ['another path', 'GET', '/', 404, 'ERR_ROUTE_UNKNOWN'],
    ['a path below', 'GET', '/tunnel/far/more', 404, 'ERR_ROUTE_UNKNOWN'],
    ['no name', 'GET', '/tunnel/', 404, 'ERR_ROUTE_UNKNOWN'],
  ])('%s', async (_, method, path, status, code) => {
    expect(await refusalOf(await fetch(worker.url + path, { method, headers: credentials }))).toEqual({
      status,
      code,
    })
  })

  it('no known subprotocol', async () => {
    expect(await refused(openPage(tunnel('far'), credentials, ['other']))).toEqual({
      status: 400,
      code: 'ERR_SUBPROTOCOL',
    })
  })
})

describe('tickets', () => {
  const opening = (name: string, ticket: string, from = origin) =>
    openPage(`${tunnel(name)}?ticket=${ticket}`, { Origin: from })

  it('open the target they were issued for, and no other', async () => {
    const ticket = await ticketFor('gateway')
    const opened = await opening('gateway', ticket)
    expect(opened).not.toBeInstanceOf(Response)
    if (!(opened instanceof Response)) opened.ws.close()
    expect(await refused(opening('far', ticket))).toEqual({ status: 403, code: 'ERR_TOKEN_CLAIM' })
  })

  it.each([
    ['made up', 'e30.e30.e30'],
    ['empty', ''],
    ['not a ticket', 'ticket'],
  ])('that are %s open nothing', async (_, ticket) => {
    expect(await refused(opening('far', ticket))).toEqual({ status: 401, code: 'ERR_TOKEN_INVALID' })
  })

  it.each([
    ['expired', { exp: 1 }, 'ERR_TOKEN_EXPIRED'],
    ['issued for another origin', { origin: 'https://other.test' }, 'ERR_TOKEN_CLAIM'],
    ['issued for another target', { aud: 'underpass:tunnel:gateway' }, 'ERR_TOKEN_CLAIM'],
    ['issued to nobody', { sub: undefined }, 'ERR_TOKEN_CLAIM'],
    ['another kind of token', {}, 'ERR_TOKEN_CLAIM', 'JWT'],
    ['signed with another key', {}, 'ERR_TOKEN_INVALID', undefined, 'another-key-of-32-characters-or-more'],
  ])(
    'that are %s open nothing',
    async (_, different, code, typ = 'underpass-ticket+jwt', key = ticketKey) => {
      const exp = Math.floor(Date.now() / 1000) + 60
      const claims = { sub: 'tester', aud: 'underpass:tunnel:far', origin, exp, ...different }
      const ticket = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ })
        .sign(new TextEncoder().encode(key))
      expect((await refused(opening('far', ticket))).code).toBe(code)
    },
  )

  it('are read by pages of an allowed origin, errors too', async () => {
    for (const answer of [await ask('far'), await ask('nowhere')])
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(origin)
    const foreign = await ask('far', { ...credentials, Origin: 'https://evil.test' })
    expect(foreign.headers.get('Access-Control-Allow-Origin')).toBeNull()
    const preflight = (from: string) =>
      fetch(`${tunnel('far')}/ticket`, {
        method: 'OPTIONS',
        headers: { Origin: from, 'Access-Control-Request-Method': 'POST' },
      })
    expect((await preflight(origin)).status).toBe(204)
    expect(await refusalOf(await preflight('https://evil.test'))).toMatchObject({
      code: 'ERR_ORIGIN_NOT_ALLOWED',
    })
  })

  it('do not exist without a key', async () => {
    const { TICKET_KEY: _, ...rest } = secrets
    await using keyless = await startWorker(bundle, {
      ...rest,
      TARGETS: { far: { origin: upstream.origin, doors: ['tunnel'] } },
    })
    const answer = { status: 403, code: 'ERR_TICKETS_OFF' }
    expect(await refusalOf(await ask('far', credentials, keyless))).toEqual(answer)
    expect(await refused(openPage(`${tunnel('far', keyless)}?ticket=x`, { Origin: origin }))).toEqual(answer)
  })
})

describe('a target that does not play along', () => {
  const cases: Array<[string, UpstreamOptions | undefined, string]> = [
    ['is-down', undefined, 'ERR_UPSTREAM_UNREACHABLE'],
    ['answers-403', { status: 403 }, 'ERR_UPSTREAM_REFUSED'],
    ['answers-200', { status: 200 }, 'ERR_UPSTREAM_REFUSED'],
    ['redirects', { status: 302 }, 'ERR_UPSTREAM_REFUSED'],
    ['chooses-another-subprotocol', { subprotocol: 'other' }, 'ERR_UPSTREAM_SUBPROTOCOL'],
  ]
  const others: Upstream[] = []
  let astray: RunningWorker
  beforeAll(async () => {
    const targets: Record<string, object> = {}
    for (const [name, options] of cases) {
      const other = options && (await startUpstream(options))
      if (other !== undefined) others.push(other)
      targets[name] = { origin: other?.origin ?? 'http://127.0.0.1:1', doors: ['tunnel'] }
    }
    astray = await startWorker(bundle, { ...secrets, TARGETS: targets })
  })
  afterAll(async () => {
    await astray[Symbol.asyncDispose]()
    for (const other of others) await other[Symbol.asyncDispose]()
  })

  it.each(cases)('%s', async (name, _, code) => {
    const answer = await openPage(tunnel(name, astray), credentials)
    if (!(answer instanceof Response)) throw new Error('it opened')
    expect(await answer.clone().text()).not.toContain('secret')
    expect(await refusalOf(answer)).toEqual({ status: 502, code })
    await astray.logged({ event: 'refused', code })
  })
})

describe('deny by default', () => {
  it.each([
    ['nothing at all', {}, 403, 'ERR_ORIGIN_NOT_ALLOWED'],
    ['origins alone', { ALLOWED_ORIGINS: origin }, 403, 'ERR_AUTH_UNCONFIGURED'],
    ['no targets', secrets, 404, 'ERR_TARGET_UNKNOWN'],
    ['the origin *', { ...secrets, ALLOWED_ORIGINS: '*' }, 500, 'ERR_POLICY_INVALID'],
  ])('%s', async (_, bindings, status, code) => {
    await using bare = await startWorker(bundle, bindings)
    expect(await refused(openPage(tunnel('far', bare), credentials))).toEqual({ status, code })
    expect(await refusalOf(await fetch(`${bare.url}/agent/far/`, { headers: credentials }))).toEqual({
      status,
      code,
    })
  })
})

it('writes one line for each tunnel and refusal, and no secret', async () => {
  const lines = worker.output()
  expect(worker.log.length).toBeGreaterThan(20)
  expect(lines).not.toMatch(
    /a-token|a-key|a key|an id|Bearer|ticket=|127\.0\.0\.1|console\.test|uncaught|Uncaught/,
  )
  for (const line of worker.log) expect(['tunnel', 'ticket', 'refused']).toContain(line.event)
})
