// /agent: the real Worker as a client with a certificate of its own, through the real gateway, to services good and bad.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { describePeer } from '../support/peers.js'
import { type DatabaseServer, startPostgres } from '../support/servers/index.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { sameBytes, sample } from '../support/traffic.js'
import { startScripted, startWeb, type TestService } from './service.js'
import {
  bundleWorker,
  openPage,
  origin,
  type RunningWorker,
  refusalOf,
  startWorker,
  token,
  type WorkerBundle,
} from './support.js'

const MiB = 1024 * 1024
const head = 'HTTP/1.1 200 OK\r\n'

/** Answers that are not HTTP/1.1, by name. */
const broken: Readonly<Record<string, string>> = {
  nothing: '',
  'no-http': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  'http-2': 'HTTP/2 200\r\n\r\n',
  'bad-status': 'HTTP/1.1 999 x\r\n\r\n',
  'bare-lf': 'HTTP/1.1 200 OK\n\n',
  'bare-cr': 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
  folded: `${head}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`,
  'space-before-colon': `${head}Content-Length : 0\r\n\r\n`,
  'no-colon': `${head}Content\r\n\r\n`,
  'nul-in-value': `${head}X: a\0\r\n\r\n`,
  'two-lengths': `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
  'length-and-chunks': `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'negative-length': `${head}Content-Length: -1\r\n\r\n`,
  'unknown-coding': `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  'switched-101': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
  'endless-interim': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20),
  'cut-head': `${head}X: a\r\n`,
}

/** Bodies that end before they are whole. */
const cut: Readonly<Record<string, string>> = {
  'short-body': `${head}Content-Length: 10\r\n\r\nabc`,
  'cut-chunk': `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
  'no-last-chunk': `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
  'bad-chunk-size': `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`,
  'bad-chunk-end': `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n`,
  'long-chunk-line': `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;${'x'.repeat(2000)}\r\n`,
}

const good: Readonly<Record<string, string>> = {
  chunks: `${head}Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0002\r\nde\r\n0\r\nTrailer: x\r\n\r\n`,
  'to-the-end': `${head}\r\nabcde`,
  interim: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200\r\nContent-Length: 5\r\n\r\nabcde`,
  'more-than-said': `${head}Content-Length: 5\r\n\r\nabcdefgh`,
}

let bundle: WorkerBundle
let web: Awaited<ReturnType<typeof startWeb>>
let scripted: TestService
let stage: Stage
let worker: RunningWorker
let environment: Record<string, unknown>

beforeAll(async () => {
  const tooLong = `${head}X: ${'x'.repeat(70_000)}\r\n\r\n`
  ;[bundle, web, scripted] = await Promise.all([
    bundleWorker(),
    startWeb(),
    startScripted({ ...broken, ...cut, ...good, 'long-head': tooLong }),
  ])
  stage = await createStage({ 'http/1.1': web.port, scripted: scripted.port })
  environment = await environmentFor(stage)
  worker = await startWorker(bundle, environment)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await stage?.[Symbol.asyncDispose]()
  await web?.[Symbol.asyncDispose]()
  await scripted?.[Symbol.asyncDispose]()
})

async function environmentFor({ users, host, upgradePort }: Stage): Promise<Record<string, unknown>> {
  const [alice, eve] = await Promise.all(
    ['alice', 'eve'].map((commonName) => users.issue({ commonName, usage: 'client' })),
  )
  const agent = {
    origin: `http://127.0.0.1:${upgradePort}`,
    doors: ['http'],
    serverName: innerName,
    alpn: 'http/1.1',
    trust: 'HOST_CA',
    certificate: 'AGENT_CERTIFICATE',
    privateKey: 'AGENT_KEY',
  }
  return {
    ALLOWED_ORIGINS: origin,
    TOKENS: JSON.stringify({ tester: token, zoë: 'another-token-for-tests' }),
    HOST_CA: host.certificate,
    USER_CA: users.certificate,
    AGENT_CERTIFICATE: alice!.chain,
    AGENT_KEY: alice!.privateKey,
    EVE_CERTIFICATE: eve!.chain,
    EVE_KEY: eve!.privateKey,
    TARGETS: {
      web: agent,
      scripted: { ...agent, alpn: 'scripted' },
      tunnel: { ...agent, doors: ['tunnel'] },
      down: { ...agent, origin: 'http://127.0.0.1:1' },
      'wrong-ca': { ...agent, trust: 'USER_CA' },
      'wrong-name': { ...agent, serverName: 'other.test' },
      'wrong-key': { ...agent, privateKey: 'EVE_KEY' },
      'wrong-alpn': { ...agent, alpn: 'unknown' },
      eve: { ...agent, certificate: 'EVE_CERTIFICATE', privateKey: 'EVE_KEY' },
      'no-pem': { ...agent, certificate: 'TOKENS' },
    },
  }
}

interface Told {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

function get(path: string, init: RequestInit & { duplex?: 'half' } = {}, at = worker): Promise<Response> {
  const headers = new Headers(init.headers)
  if (!headers.has('Authorization')) headers.set('Authorization', `Bearer ${token}`)
  return fetch(`${at.url}/agent/${path}`, { redirect: 'manual', ...init, headers })
}

describe('HTTP through the tunnel', () => {
  it('carries method, path and query, and says who asks', async () => {
    const answer = await get('web/a/b%2Fc?d=e&f', {
      method: 'DELETE',
      headers: { Authorization: 'Bearer another-token-for-tests', 'X-Own': 'kept' },
    })
    expect([answer.status, answer.statusText]).toEqual([200, 'Fine'])
    expect((await answer.json()) as Told).toMatchObject({
      method: 'DELETE',
      url: '/a/b%2Fc?d=e&f',
      headers: { host: innerName, connection: 'close', 'x-own': 'kept', 'x-underpass-subject': 'zo%C3%AB' },
    })
  })

  it('leaves behind what is for the Worker or could be forged', async () => {
    const answer = await get('web/', {
      headers: {
        Cookie: 'CF_Authorization=x',
        'X-Forwarded-For': '192.0.2.1',
        'X-Forwarded-User': 'root',
        'X-Underpass-Subject': 'root',
        'CF-Access-Jwt-Assertion': 'x',
        Forwarded: 'for=192.0.2.1',
        TE: 'trailers',
      },
    })
    const { headers } = (await answer.json()) as Told
    expect(
      Object.keys(headers).filter((name) =>
        /^(authorization|cookie|forwarded|te|cf-.*|x-forwarded-user)$/.test(name),
      ),
    ).toEqual([])
    expect(headers['x-underpass-subject']).toBe('tester')
    expect(headers['x-forwarded-for']).not.toBe('192.0.2.1')
    expect(JSON.stringify(headers)).not.toContain(token)
  })

  // RFC 3875 §4.1.18: to who makes variables of names (CGI, WSGI, PHP, Rack) these are the names with hyphens.
  it('leaves behind what could be forged, written with other signs', async () => {
    const answer = await get('web/', {
      headers: {
        X_Underpass_Subject: 'root',
        'X-Underpass_Subject': 'root',
        X_Forwarded_For: '192.0.2.1',
        'X-Forwarded_User': 'root',
        X_Real_IP: '192.0.2.1',
        CF_Access_Authenticated_User_Email: 'root@example.com',
        'X.Underpass.Subject': 'root',
        'X-Forwarded~For': '192.0.2.1',
        X_Own: 'kept',
      },
    })
    const { headers } = (await answer.json()) as Told
    expect(Object.entries(headers).filter(([name]) => /[^a-z0-9-]/.test(name))).toEqual([['x_own', 'kept']])
    expect(headers['x-underpass-subject']).toBe('tester')
  })

  it("keeps the service's pages apart from this origin", async () => {
    const { headers } = await get('web/')
    expect(headers.get('Set-Cookie')).toBeNull()
    expect(headers.get('Clear-Site-Data')).toBeNull()
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
    expect(headers.get('X-Hop')).toBeNull()
    expect(headers.get('X-Mine')).toBe('yes')
    expect(headers.get('Location')).toBe('/agent/web/next?x')
    expect(headers.get('Content-Security-Policy')).toBe("default-src 'self', sandbox")
  })

  it('answers pages of an allowed origin readably', async () => {
    const { headers } = await get('web/', { headers: { Origin: origin } })
    expect(headers.get('Access-Control-Allow-Origin')).toBe(origin)
    expect(headers.get('Vary')).toContain('Origin')
  })

  it.each([
    ['HEAD', 'web/', 200],
    ['GET', 'web/empty', 204],
  ])('has no body for %s %s', async (method, path, status) => {
    const answer = await get(path, { method })
    expect([answer.status, await answer.text()]).toEqual([status, ''])
  })

  it('8 MiB down, of known length', async () => {
    const answer = await get('web/big')
    expect(answer.headers.get('Content-Length')).toBe(String(8 * MiB))
    expect(sameBytes(new Uint8Array(await answer.arrayBuffer()), sample(8 * MiB))).toBe(true)
    const line = await worker.logged({ event: 'agent', target: 'web', status: 200, code: 'ok' })
    expect(line).toMatchObject({ route: '/agent', subject: expect.any(String), ms: expect.any(Number) })
  })

  it('8 MiB both ways at once, in chunks', async () => {
    const bytes = sample(8 * MiB)
    let at = 0
    const body = new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) return controller.close()
        controller.enqueue(bytes.subarray(at, at + 50_000))
        at += 50_000
      },
    })
    const answer = await get('web/echo', { method: 'POST', body, duplex: 'half' })
    expect(answer.headers.get('X-Framing')).toBe('chunked')
    expect(sameBytes(new Uint8Array(await answer.arrayBuffer()), bytes)).toBe(true)
  })

  it('a body of known length keeps it', async () => {
    const answer = await get('web/echo', { method: 'PUT', body: 'hello' })
    expect([answer.headers.get('X-Framing'), await answer.text()]).toEqual(['5', 'hello'])
    const none = await get('web/echo', { method: 'POST' })
    expect([none.headers.get('X-Framing'), await none.text()]).toEqual(['0', ''])
  })

  it('a coded body stays as it is coded', async () => {
    const answer = await get('web/zip')
    expect(answer.headers.get('Content-Encoding')).toBe('gzip')
    expect(await answer.text()).toBe('packed')
  })

  it('an answer may come before the request is whole', async () => {
    const answer = await get('web/early', { method: 'POST', body: new Uint8Array(4 * MiB) })
    expect([answer.status, await answer.text()]).toEqual([413, 'enough'])
  })

  it.each(Object.keys(good))('reads %s', async (name) => {
    expect(await (await get(`scripted/${name}`)).text()).toBe('abcde')
  })

  // Many times: the runtime tells of it in more ways than one.
  it('ends the tunnel when the client goes', async () => {
    const gone = () => worker.log.filter(({ code }) => code === 'ERR_AGENT_CLIENT_GONE').length
    for (let times = gone() + 1, last = times + 10; times < last; times++) {
      const abort = new AbortController()
      const answer = await get('web/endless', { signal: abort.signal })
      const closed = web.closed()
      await answer.body!.getReader().read()
      abort.abort()
      await closed
      await vi.waitFor(() => expect(gone()).toBe(times), 10_000)
    }
  })
})

describe('a service that breaks the rules', () => {
  it.each(Object.keys(broken))('%s', async (name) => {
    expect(await refusalOf(await get(`scripted/${name}`))).toEqual({
      status: 502,
      code: 'ERR_AGENT_RESPONSE',
    })
  })

  it('long-head', async () => {
    expect(await refusalOf(await get('scripted/long-head'))).toEqual({
      status: 502,
      code: 'ERR_AGENT_RESPONSE_HEAD',
    })
  })

  it('a body of known length that is cut arrives cut', async () => {
    const answer = await get('scripted/short-body')
    expect([answer.status, answer.headers.get('Content-Length')]).toEqual([200, '10'])
    await expect(answer.text()).rejects.toThrow()
  })

  // workerd ends chunks well whatever happened to the stream: the client cannot see it, the log does.
  it.each(Object.keys(cut))('%s is no whole body', async (name) => {
    const before = failures().length
    const answer = await get(`scripted/${name}`)
    expect(await answer.text().catch(() => '')).toMatch(/^(abc)?$/)
    await vi.waitFor(() => expect(failures().length).toBe(before + 1))
  })

  function failures() {
    return worker.log.filter(({ status, code }) => status === 200 && code === 'ERR_AGENT_RESPONSE')
  }

  it('silence', async () => {
    await using impatient = await startWorker(bundle, { ...environment, LIMITS: { responseSeconds: 1 } })
    expect(await refusalOf(await get('web/silent', {}, impatient))).toEqual({
      status: 504,
      code: 'ERR_AGENT_TIMEOUT',
    })
    const begun = await get('web/slow', {}, impatient)
    expect(await begun.text()).toBe('first')
    await impatient.logged({ event: 'agent', status: 200, code: 'ERR_AGENT_TIMEOUT' })
  })
})

describe('refused before anything is dialed', () => {
  it.each<[string, string, RequestInit, number, string]>([
    ['no token', 'web/', { headers: { Authorization: 'none' } }, 401, 'ERR_TOKEN_MISSING'],
    ['a wrong token', 'web/', { headers: { Authorization: 'Bearer x' } }, 401, 'ERR_TOKEN_INVALID'],
    [
      'an origin that is not listed',
      'web/',
      { headers: { Origin: 'https://evil.test' } },
      403,
      'ERR_ORIGIN_NOT_ALLOWED',
    ],
    ['an unknown target', 'nowhere/', {}, 404, 'ERR_TARGET_UNKNOWN'],
    ['a target without the door', 'tunnel/', {}, 403, 'ERR_TARGET_DOOR'],
  ])('%s', async (_, path, init, status, code) => {
    expect(await refusalOf(await get(path, init))).toEqual({ status, code })
  })

  it('a foreign site without an Origin', async () => {
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}`, 'Sec-Fetch-Site': 'cross-site' }
      request(`${worker.url}/agent/web/`, { headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(403)
    await worker.logged({ event: 'refused', route: '/agent', code: 'ERR_ORIGIN_NOT_ALLOWED' })
  })

  it('a WebSocket', async () => {
    const answer = await openPage(`${worker.url}/agent/web/`, { Authorization: `Bearer ${token}` })
    if (!(answer instanceof Response)) throw new Error('it opened')
    expect(await refusalOf(answer)).toEqual({ status: 501, code: 'ERR_AGENT_UPGRADE' })
  })

  it('a body larger than allowed, said or not', async () => {
    await using small = await startWorker(bundle, { ...environment, LIMITS: { requestBytes: 1000 } })
    const refused = { status: 413, code: 'ERR_AGENT_REQUEST_BODY' }
    const said = await get('web/echo', { method: 'POST', body: new Uint8Array(1001) }, small)
    expect(await refusalOf(said)).toEqual(refused)
    const body = new Blob([new Uint8Array(5000)]).stream()
    const unsaid = await get('web/silent', { method: 'POST', body, duplex: 'half' }, small)
    expect(await refusalOf(unsaid)).toEqual(refused)
    // Here the answer has begun when the body grows too large.
    const echoed = await get('web/echo', { method: 'POST', body: slowly(3, 500), duplex: 'half' }, small)
    expect((await echoed.text()).length).toBeLessThanOrEqual(1000)
    await small.logged({ event: 'agent', status: 200, code: 'ERR_AGENT_REQUEST_BODY' })
    const enough = await get('web/echo', { method: 'POST', body: new Uint8Array(1000) }, small)
    expect((await enough.arrayBuffer()).byteLength).toBe(1000)
  })
})

/** Pieces with a pause before each. */
function slowly(count: number, size: number): ReadableStream<Uint8Array> {
  let left = count
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (left-- > 0) controller.enqueue(new Uint8Array(size))
      else controller.close()
    },
  })
}

describe('a tunnel that does not open says the code of the library', () => {
  it.each([
    ['down', 502, 'ERR_DIAL_FAILED'],
    ['wrong-ca', 502, 'ERR_CERT_UNTRUSTED'],
    ['wrong-name', 502, 'ERR_CERT_NAME_MISMATCH'],
    ['wrong-key', 500, 'ERR_CONFIG_KEY_MISMATCH'],
    ['no-pem', 500, 'ERR_CONFIG_IDENTITY'],
  ])('%s', async (name, status, code) => {
    expect(await refusalOf(await get(`${name}/`))).toEqual({ status, code })
    await worker.logged({ event: 'refused', route: '/agent', code })
  })

  it.each(['wrong-alpn', 'eve'])('%s', async (name) => {
    const { status, code } = await refusalOf(await get(`${name}/`))
    expect(status).toBe(502)
    expect(code).toMatch(/^ERR_(TLS|WS|STREAM)_/)
  })
})

describePeer('postgresql', 'a query to PostgreSQL', () => {
  let database: DatabaseServer
  let pgStage: Stage
  let pgWorker: RunningWorker

  beforeAll(async () => {
    database = await startPostgres()
    pgStage = await createStage({ 'teleport-postgres': database.port })
    const base = await environmentFor(pgStage)
    const { web: agent } = base.TARGETS as Record<string, object>
    const orders = {
      ...agent,
      doors: ['query'],
      alpn: 'teleport-postgres-ping',
      database: { user: database.user, database: database.database },
    }
    pgWorker = await startWorker(bundle, {
      ...base,
      LIMITS: { queryBytes: 1_000_000, responseSeconds: 3 },
      TARGETS: { orders, nobody: { ...orders, database: { user: 'nobody', database: 'postgres' } } },
    })
  })

  afterAll(async () => {
    await pgWorker?.[Symbol.asyncDispose]()
    await pgStage?.[Symbol.asyncDispose]()
    await database?.stop()
  })

  function ask(body: unknown, name = 'orders', init: RequestInit = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return get(`${name}/query`, { method: 'POST', body: text, ...init }, pgWorker)
  }

  it('answers columns and rows as text', async () => {
    const answer = await ask({
      sql: 'select $1::int * 2 as n, null as none, now() > $2 as later',
      values: [21, '2020-01-01'],
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      columns: ['n', 'none', 'later'],
      rows: [['42', null, 't']],
      rowCount: 1,
    })
    await pgWorker.logged({ event: 'agent', target: 'orders', code: 'ok' })
  })

  it.each<[string, object, string]>([
    ['a mistake', { sql: 'selct 1' }, '42601'],
    ['a write', { sql: 'create table t ()' }, '25006'],
    ['two statements', { sql: 'commit; create table t ()' }, '42601'],
  ])('%s is refused with its SQLSTATE', async (_, question, sqlstate) => {
    const answer = await ask(question)
    expect([answer.status, ((await answer.json()) as { error: object }).error]).toMatchObject([
      422,
      { code: 'ERR_QUERY_FAILED', sqlstate },
    ])
  })

  it.each([
    ['no JSON', 'select 1'],
    ['no statement', { sql: ' ' }],
    ['values that are not plain', { sql: 'select 1', values: [{}] }],
    ['too much', { sql: `select '${'x'.repeat(70_000)}'` }],
  ])('%s is no query', async (_, body) => {
    expect(await refusalOf(await ask(body))).toEqual({ status: 400, code: 'ERR_QUERY_REQUEST' })
  })

  it('too large a result', async () => {
    const answer = await ask({ sql: "select repeat('x', 1000) from generate_series(1, 100000)" })
    expect(await refusalOf(answer)).toEqual({ status: 502, code: 'ERR_QUERY_RESULT' })
  })

  it('too long a query', async () => {
    expect(await refusalOf(await ask({ sql: 'select pg_sleep(10)' }))).toEqual({
      status: 504,
      code: 'ERR_QUERY_TIMEOUT',
    })
  })

  it('a user that the database does not know', async () => {
    expect(await refusalOf(await ask({ sql: 'select 1' }, 'nobody'))).toEqual({
      status: 422,
      code: 'ERR_QUERY_FAILED',
    })
  })

  it('another method, another path', async () => {
    expect(await refusalOf(await get('orders/query', {}, pgWorker))).toEqual({
      status: 405,
      code: 'ERR_METHOD',
    })
    expect(await refusalOf(await get('orders/else', {}, pgWorker))).toEqual({
      status: 404,
      code: 'ERR_ROUTE_UNKNOWN',
    })
  })
})

it('the log has no secret in it', () => {
  expect(worker.output()).not.toMatch(/-for-tests|BEGIN|Bearer|127\.0\.0\.1/)
})
