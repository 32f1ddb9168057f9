// Nothing secret in anything that can be read: whole tunnels and every kind of failure, with all that library, gateway,
// command line and Worker say about them searched for keys, passphrases, tokens, traffic secrets and payload.
import { createPrivateKey, randomBytes, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LoadBalancer, startLoadBalancer } from '../../src/cli/demo/load-balancer.js'
import { logEvent } from '../../src/gateway/service/log.js'
import { createMetrics } from '../../src/gateway/service/metrics.js'
import type { TimedTraceEvent } from '../../src/index.js'
import type { NodeDialerOptions } from '../../src/platform/node/index.js'
import { buildCli, type Cli } from '../cli/run.js'
import { type TemporaryFolder, temporaryFolder } from '../support/files.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { readAll } from '../support/traffic.js'
import { bundleWorker, startWorker } from '../worker/support.js'
import { everyShape, type Hoard, hoard } from './hoard.js'

const passphrase = `passphrase-${randomBytes(12).toString('hex')}`
const wrongPassphrase = `mistyped-${randomBytes(12).toString('hex')}`
const bearer = `bearer-${randomBytes(12).toString('hex')}`
const cookie = `session-${randomBytes(12).toString('hex')}`
const inQuery = `query-${randomBytes(12).toString('hex')}`
const payload = `payload-${randomBytes(24).toString('hex')}`
const headers = { Authorization: `Bearer ${bearer}`, Cookie: `id=${cookie}` }

let echo: Service
let stage: Stage
let balancer: LoadBalancer
let secrets: Hoard
/** What was said, and where. */
const said: Array<{ readonly where: string; readonly text: string }> = []
const lines: string[] = []

beforeAll(async () => {
  echo = await startEcho()
  stage = await createStage({ echo: echo.port })
  const { chain, privateKey } = stage.lbCertificate
  balancer = await startLoadBalancer({ certificate: chain, privateKey, targetPort: stage.upgradePort })
  secrets = hoard()
  for (const [name, text] of Object.entries({
    passphrase,
    wrongPassphrase,
    bearer,
    cookie,
    inQuery,
    payload,
  }))
    secrets.text(name, text)
  keyMaterial('the key of the client', stage.alice.key.pkcs8)
})

afterAll(async () => {
  await balancer?.close()
  await stage?.[Symbol.asyncDispose]()
  await echo?.stop()
})

/** The whole document, and the number in it that is the key. */
function keyMaterial(name: string, pkcs8: Uint8Array): void {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  secrets.bytes(`${name}, scalar`, Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url'))
}

function keylog(line: string): void {
  lines.push(line)
  const [label, , secret] = line.split(' ')
  secrets.bytes(`keylog ${label}`, Buffer.from(secret!, 'hex'))
}

/** A dialer through the load balancer with everything turned on that talks. */
function dialer(options: Partial<NodeDialerOptions> = {}) {
  const trace = (event: TimedTraceEvent) => say('trace', event)
  const path = `/webapi/connectionupgrade?access_token=${inQuery}`
  return stage.dialer(balancer.port, {
    mode: 'websocket',
    headers,
    path,
    trace,
    keylog,
    outbound: 'none',
    ...options,
  })
}

function say(where: string, value: unknown): void {
  said.push({ where, text: everyShape(value) })
}

/** Where something was found that must not be there. */
function leaks(): string[] {
  return [
    ...new Set(
      said
        .splice(0)
        .flatMap(({ where, text }) => secrets.foundIn(text).map((found) => `${found} in ${where}`)),
    ),
  ]
}

function encrypted(pkcs8: Uint8Array): string {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase }) as string
}

describe('a hoard', () => {
  it('recognises its secrets in every shape, and nothing else', () => {
    const known = hoard()
    const secret = randomBytes(40)
    known.bytes('it', secret)
    const shapes = [
      secret.toString('hex'),
      `XY${secret.toString('hex').toUpperCase()}`,
      ...[0, 1, 2].map((pad) => Buffer.concat([Buffer.alloc(pad), secret]).toString('base64')),
      secret.toString('base64url'),
      JSON.stringify(new Uint8Array(secret)),
      JSON.stringify(secret),
      inspect(new Uint8Array(secret), { maxArrayLength: null, breakLength: Number.POSITIVE_INFINITY }),
      inspect(secret),
      everyShape(new Error('outer', { cause: { deep: { er: [secret.toString('hex')] } } })),
    ]
    for (const shape of shapes) expect(known.foundIn(shape)).not.toEqual([])
    expect(known.foundIn(randomBytes(10_000).toString('hex'))).toEqual([])
  })
})

describe('a tunnel', () => {
  it.each(['websocket', 'alpn', 'alpn-ping'] as const)('over %s tells nothing', async (mode) => {
    const own = dialer({ mode })
    const socket = await own.connect({ alpn: ['echo'] })
    const writer = socket.writable.getWriter()
    const reading = readAll(socket.readable)
    await writer.write(Buffer.from(payload))
    await writer.close()
    expect(Buffer.from(await reading).toString()).toBe(payload)
    say('the socket', socket)
    say('its facts', socket.info)
    await socket.close()
    say('the dialer', own)
    await own.close()
    // Both handshakes' secrets are known here, or nothing was looked for.
    expect(lines.filter((line) => line.startsWith('CLIENT_TRAFFIC_SECRET_0')).length).toBeGreaterThanOrEqual(
      2,
    )
    expect(said.filter(({ where }) => where === 'trace').length).toBeGreaterThan(20)
    expect(leaks()).toEqual([])
  })

  it('with a key under a passphrase tells nothing', async () => {
    const identity = {
      certificate: stage.alice.chain,
      privateKey: encrypted(stage.alice.key.pkcs8),
      passphrase,
    }
    await using own = dialer({ identity })
    const socket = await own.connect({ alpn: ['echo'] })
    say('the socket', socket)
    await socket.close()
    expect(leaks()).toEqual([])
  })

  it('with a key that cannot be exported leaves it so', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
    const privateKey = await crypto.subtle.importKey('pkcs8', stage.alice.key.pkcs8, algorithm, false, [
      'sign',
    ])
    await using own = dialer({
      identity: { certificate: stage.alice.chain, privateKey: privateKey as never },
    })
    const socket = await own.connect({ alpn: ['echo'] })
    expect(socket.info.tls.clientCertificate).toBe(true)
    await socket.close()
    expect(privateKey.extractable).toBe(false)
    await expect(crypto.subtle.exportKey('pkcs8', privateKey as webcrypto.CryptoKey)).rejects.toThrow()
    expect(leaks()).toEqual([])
  })
})

describe('a failure', () => {
  const other = () => encrypted(stage.users.key.pkcs8)
  const alice = () => ({ certificate: stage.alice.chain, privateKey: stage.alice.privateKey })
  it.each<[string, () => Partial<NodeDialerOptions>, string]>([
    [
      'in the passphrase',
      () => ({ identity: { ...alice(), privateKey: other(), passphrase: wrongPassphrase } }),
      'ERR_CONFIG_PASSPHRASE',
    ],
    [
      'in the key: another’s',
      () => ({ identity: { ...alice(), privateKey: stage.lbCertificate.privateKey } }),
      'ERR_CONFIG_KEY_MISMATCH',
    ],
    [
      'in the key: garbled',
      () => ({ identity: { ...alice(), privateKey: stage.alice.privateKey.replace(/\n(.{9})/, '\n$1!') } }),
      'ERR_CONFIG_IDENTITY',
    ],
    [
      'in the key: cut',
      () => ({ identity: { ...alice(), privateKey: stage.alice.privateKey.slice(0, 120) } }),
      'ERR_CONFIG_IDENTITY',
    ],
    [
      'in the certificate: the key instead',
      () => ({ identity: { ...alice(), certificate: stage.alice.privateKey } }),
      'ERR_CONFIG_IDENTITY',
    ],
    ['in the trust: the key instead', () => ({ trust: stage.alice.privateKey }), 'ERR_CONFIG_TRUST'],
    [
      'in the origin: with a password',
      () => ({ origin: `https://user:${bearer}@localhost:1` }),
      'ERR_CONFIG_ORIGIN',
    ],
    ['in a header', () => ({ headers: { Authorization: `Bearer ${bearer}\r\nX: y` } }), 'ERR_CONFIG_INVALID'],
    ['in the path', () => ({ path: `no slash ${inQuery}` }), 'ERR_CONFIG_INVALID'],
    ['to reach the port', () => ({ origin: 'https://localhost:1' }), 'ERR_DIAL_REFUSED'],
    ['of the outer certificate', () => ({ originTrust: stage.host.certificate }), 'ERR_CERT_UNTRUSTED'],
    ['of the upgrade', () => ({ path: `/elsewhere?access_token=${inQuery}` }), 'ERR_UPGRADE_NOT_FOUND'],
    ['of the inner certificate', () => ({ trust: stage.web.certificate }), 'ERR_CERT_UNTRUSTED'],
    ['of the inner name', () => ({ serverName: 'other.test' }), 'ERR_CERT_NAME_MISMATCH'],
    ['of the protocol', () => ({ alpn: ['unknown'] }), 'ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL'],
  ])('%s tells nothing', async (_, options, code) => {
    const failed = await attempt({ alpn: ['echo'], ...options() })
    expect(failed).toMatchObject({ code })
    say(`the error ${code}`, failed)
    expect(leaks()).toEqual([])
  })

  it('of a function for headers or identities tells what it threw, in its cause alone', async () => {
    const thrown = new Error('the vault is closed')
    const failed = await attempt({
      alpn: ['echo'],
      headers: () => {
        throw thrown
      },
    })
    say('the error of a function', failed)
    expect(leaks()).toEqual([])
  })

  it.each([200, 302, 401, 403, 503])(
    'told by a server that says our headers back with %i tells nothing',
    async (status) => {
      const server = createServer((request, response) => {
        const echoed = `${request.headers.authorization} ${request.headers.cookie} ${request.url}`
        response.writeHead(status, {
          Location: `https://elsewhere.test/?token=${bearer}&${inQuery}`,
          'WWW-Authenticate': `Bearer realm="${request.headers.authorization}"`,
          'Set-Cookie': `id=${cookie}`,
          'X-Echo': echoed,
        })
        response.end(echoed)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const { port } = server.address() as AddressInfo
        // As an upgrade is a request without one to Node's parser, unless somebody listens.
        server.on('upgrade', (request, socket) => {
          const echoed = `${request.headers.authorization} ${request.url}`
          const head = `HTTP/1.1 ${status} X\r\nX-Echo: ${echoed}\r\nLocation: https://e.test/?t=${bearer}\r\nSet-Cookie: id=${cookie}\r\n`
          socket.end(`${head}Content-Length: ${echoed.length}\r\n\r\n${echoed}`)
        })
        const failed = await attempt({ alpn: ['echo'], origin: `http://127.0.0.1:${port}` })
        expect((failed as { code?: string }).code).toMatch(/^ERR_UPGRADE_/)
        say(`the error of status ${status}`, failed)
        expect(leaks()).toEqual([])
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
  )

  it('in the middle of a tunnel tells nothing', async () => {
    await using own = dialer()
    const socket = await own.connect({ alpn: ['echo'] })
    const writer = socket.writable.getWriter()
    await writer.write(Buffer.from(payload))
    socket.closed.catch((error: unknown) => say('the error of a cut', error))
    await balancer.close()
    await expect(socket.closed).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) })
    await expect(writer.write(Buffer.from(payload))).rejects.toSatisfy((error) => {
      say('the error of a write', error)
      return true
    })
    const { chain, privateKey } = stage.lbCertificate
    balancer = await startLoadBalancer({ certificate: chain, privateKey, targetPort: stage.upgradePort })
    expect(leaks()).toEqual([])
  })

  async function attempt(options: Partial<NodeDialerOptions>): Promise<unknown> {
    try {
      await using own = dialer(options)
      const socket = await own.connect()
      await socket.close()
    } catch (error) {
      return error
    }
    throw new Error('it did not fail')
  }
})

describe('the gateway', () => {
  it('tells nothing in events, log and metrics', async () => {
    // What is no tunnel, with secrets where careless clients put them.
    const stranger = connect(stage.upgradePort, '127.0.0.1')
    stranger.end(
      `GET /elsewhere?token=${inQuery} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nCookie: ${cookie}\r\n\r\n`,
    )
    stranger.resume()
    await once(stranger, 'close')
    const logged: string[] = []
    const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
    const metrics = createMetrics('0', {
      stats: () => stage.gateway.stats(),
      ready: () => true,
      auditLost: () => 0,
      logLost: () => 0,
    })
    expect(stage.events.filter(({ type }) => type === 'refused').length).toBeGreaterThan(0)
    for (const event of stage.events) {
      say('an event of the gateway', event)
      logEvent(logger, event)
      metrics.record(event)
    }
    said.push({ where: 'the log of the gateway', text: logged.join('') })
    said.push({ where: 'the metrics of the gateway', text: await metrics.text() })
    expect(logged.length).toBeGreaterThan(5)
    expect(leaks()).toEqual([])
  })
})

describe('the command line', () => {
  let cli: Cli
  let folder: TemporaryFolder
  let common: string[]
  beforeAll(async () => {
    ;[cli, folder] = await Promise.all([buildCli(), temporaryFolder('secrets')])
    const files = {
      'web.crt': stage.web.certificate,
      'host.crt': stage.host.certificate,
      'alice.crt': stage.alice.chain,
      'alice.key': encrypted(stage.alice.key.pkcs8),
      passphrase,
      wrong: wrongPassphrase,
      headers: `Authorization: Bearer ${bearer}\nCookie: id=${cookie}\n`,
    }
    await Promise.all(Object.entries(files).map(([name, text]) => folder.write(name, text)))
    common = [
      ...['--origin-trust', at('web.crt'), '--header-file', at('headers'), '--json'],
      ...['--path', `/webapi/connectionupgrade?access_token=${inQuery}`],
    ]
  }, 180_000)
  afterAll(async () => {
    await cli?.remove()
    await folder?.remove()
  })

  const at = (name: string) => `${folder.path}/${name}`
  const inner = () => [
    ...['--trust', at('host.crt'), '--server-name', innerName, '--alpn', 'echo'],
    ...['--cert', at('alice.crt'), '--key', at('alice.key')],
  ]

  it.each<[string, () => string[], number]>([
    ['inspect', () => [...inner(), '--passphrase-file', at('passphrase'), '--mode', 'websocket'], 0],
    ['inspect', () => [...inner(), '--passphrase-file', at('wrong'), '--mode', 'websocket'], 2],
    ['inspect', () => ['--trust', at('alice.key'), '--server-name', innerName, '--alpn', 'echo'], 2],
    ['doctor', () => [...inner(), '--passphrase-file', at('passphrase')], 0],
    ['detect', () => ['--alpn', 'echo'], 0],
  ])('%s --json tells nothing', { timeout: 60_000 }, async (command, options, status) => {
    const args = [command, ...common, ...options(), `https://localhost:${balancer.port}`]
    const ran = await cli.run(args, {
      env: { UNDERPASS_KEYLOG: command === 'inspect' ? at('keys.txt') : '' },
    })
    expect([ran.status, ran.stdout.length > 2 || ran.stderr]).toEqual([status, true])
    said.push({ where: `the output of ${command}`, text: ran.stdout + ran.stderr })
    if (command === 'inspect' && status === 0) {
      const { readFile } = await import('node:fs/promises')
      for (const line of (await readFile(at('keys.txt'), 'utf8')).trim().split('\n')) keylog(line)
    }
    expect(leaks()).toEqual([])
  })

  it('takes no secret as a word that every user of the machine can read', async () => {
    const { status, stdout, stderr } = await cli.run([
      'inspect',
      '--passphrase',
      passphrase,
      'https://localhost:1',
    ])
    expect(status).toBe(2)
    said.push({ where: 'the refusal of a flag', text: stdout + stderr })
    expect(leaks()).toEqual([])
  })
})

describe('the Worker', () => {
  it('tells nothing in its log and its answers', { timeout: 120_000 }, async () => {
    const token = `token-${randomBytes(12).toString('hex')}`
    secrets.text('the token of the Worker', token)
    const web = createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1')
    await once(web, 'listening')
    await using site = await createStage({ 'http/1.1': (web.address() as AddressInfo).port })
    keyMaterial('the key of the Worker', site.alice.key.pkcs8)
    const target = {
      origin: `http://127.0.0.1:${site.upgradePort}`,
      doors: ['http'],
      headers: 'EXTRA',
      serverName: innerName,
      alpn: 'http/1.1',
      trust: 'HOST_CA',
      certificate: 'CERTIFICATE',
      privateKey: 'KEY',
    }
    await using worker = await startWorker(await bundleWorker(), {
      ALLOWED_ORIGINS: 'https://console.test',
      TOKENS: JSON.stringify({ tester: token }),
      EXTRA: JSON.stringify({ Authorization: `Bearer ${bearer}` }),
      HOST_CA: site.host.certificate,
      USER_CA: site.users.certificate,
      CERTIFICATE: site.alice.chain,
      KEY: site.alice.privateKey,
      TARGETS: {
        web: target,
        untrusted: { ...target, trust: 'USER_CA' },
        mismatched: { ...target, certificate: 'HOST_CA' },
        garbled: { ...target, privateKey: 'EXTRA' },
        swapped: { ...target, certificate: 'KEY' },
        down: { ...target, origin: 'http://127.0.0.1:1' },
      },
    })
    const ask = async (path: string, given = token) => {
      const response = await fetch(`${worker.url}/agent/${path}?token=${inQuery}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${given}`, Cookie: `id=${cookie}` },
        body: payload,
      })
      const text = await response.text()
      // The service's own answer is for whoever asked; anything else is ours.
      if (response.status === 200) expect(text).toBe(payload)
      else said.push({ where: `the answer to ${path}`, text })
      said.push({ where: `the head of the answer to ${path}`, text: JSON.stringify([...response.headers]) })
      return response.status
    }
    expect(await ask('web/')).toBe(200)
    for (const name of ['untrusted', 'mismatched', 'garbled', 'swapped', 'down', 'unknown'])
      expect(await ask(`${name}/`)).toBeGreaterThanOrEqual(400)
    expect(await ask('web/', `${token.slice(0, -1)}x`)).toBe(401)
    await worker.logged({ event: 'refused', code: 'ERR_TOKEN_INVALID' })
    said.push({ where: 'the log of the Worker', text: worker.output() })
    web.closeAllConnections()
    web.close()
    expect(worker.log.length).toBeGreaterThanOrEqual(8)
    expect(leaks()).toEqual([])
  })
})
