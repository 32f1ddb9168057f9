// `underpass doctor` as a process of its own against real load balancers: the right verdict and guess on each, and the
// troubles it is made for: no proxy at all, a login page, two in a row, TLS inspection, an idle limit.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, type Server } from 'node:net'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detect } from '../../src/cli/commands/detect.js'
import { inspect } from '../../src/cli/commands/inspect.js'
import type { DoctorReport } from '../../src/cli/doctor/findings.js'
import { doctorSchema } from '../../src/cli/doctor/schema.js'
import { errorSchema } from '../../src/cli/schemas.js'
import { projectRoot } from '../structure/source.js'
import { createAuthority } from '../support/certificates.js'
import { type TemporaryFolder, writeAuthority, writeCertificate } from '../support/files.js'
import { describePeer, type PeerName } from '../support/peers.js'
import {
  type LoadBalancerOptions,
  type ServerProcess,
  startApache,
  startCaddyBalancer,
  startHaproxy,
  startNginx,
  startStunnelTerminator,
} from '../support/servers/index.js'
import { innerName, type Stage } from '../support/stage.js'
import { aliceWorld, type World } from './alice.js'
import { type DoctorRow, doctorTable } from './doctor-table.js'
import type { Cli, Ran } from './run.js'

const ajv = new Ajv()
const rows: DoctorRow[] = []

let world: World
let cli: Cli
let stage: Stage
let folder: TemporaryFolder
let web: string
let host: string
let alice: string[]

beforeAll(async () => {
  world = await aliceWorld('doctor')
  ;({ cli, stage, folder, host, alice } = world)
  web = await writeAuthority(folder, 'web', stage.web)
}, 120_000)
afterAll(() => world?.remove())

const tunnelFlags = (): string[] => ['--trust', host, ...alice, '--server-name', innerName, '--alpn', 'echo']

async function examine(origin: string, ...more: string[]): Promise<{ ran: Ran; report: DoctorReport }> {
  const ran = await cli.run(['doctor', '--json', '--origin-trust', web, ...tunnelFlags(), ...more, origin])
  const report = JSON.parse(ran.stdout) as DoctorReport
  expect(ajv.validate(doctorSchema, report), ajv.errorsText()).toBe(true)
  expect(ran.status).toBe(report.exitStatus)
  return { ran, report }
}

interface Front {
  readonly front: string
  readonly peer: PeerName
  readonly start: (options: LoadBalancerOptions) => Promise<ServerProcess>
  readonly vendor: string
  readonly certainty: string
  readonly granted: readonly string[]
}

const every = ['websocket', 'websocket', 'alpn-ping', 'alpn']
const certain = { certainty: 'certain', granted: every }

const fronts: readonly Front[] = [
  { front: 'HAProxy', peer: 'haproxy', start: startHaproxy, vendor: 'haproxy', ...certain },
  { front: 'nginx', peer: 'nginx', start: startNginx, vendor: 'nginx', ...certain },
  {
    front: 'nginx, WebSocket only',
    peer: 'nginx',
    start: (options) => startNginx({ ...options, webSocketOnly: true }),
    vendor: 'nginx',
    certainty: 'certain',
    granted: ['websocket', 'websocket'],
  },
  { front: 'Apache', peer: 'apache', start: startApache, vendor: 'apache', ...certain },
  { front: 'Caddy', peer: 'caddy', start: startCaddyBalancer, vendor: 'caddy', ...certain },
  {
    front: 'stunnel',
    peer: 'stunnel',
    start: startStunnelTerminator,
    vendor: 'stunnel',
    certainty: 'likely',
    granted: every,
  },
]

describe('underpass doctor', { timeout: 60_000 }, () => {
  for (const { front, peer, start, vendor, certainty, granted } of fronts) {
    describePeer(peer, `behind ${front}`, () => {
      it('finds the upgrade, the vendor, and a tunnel that works', async () => {
        await using balancer = await start({
          upstreamPort: stage.upgradePort,
          certificate: stage.lbCertificate,
        })
        const { ran, report } = await examine(`https://localhost:${balancer.port}`)
        expect(ran).toMatchObject({ status: 0, stderr: '' })
        expect(report).toMatchObject({
          ok: true,
          verdict: 'upgrade',
          outerTls: {
            endedBy: 'load-balancer',
            tls: { verified: true, certificate: { issuer: 'CN=Web CA' } },
          },
          ping: { status: 'ok', httpStatus: 200 },
          innerTls: [{ alpn: 'echo', status: 'ok', tls: { verified: true, clientCertificate: true } }],
          vendors: [
            { vendor, role: 'tls', certainty },
            { vendor: 'underpass', role: 'server', certainty: 'certain' },
          ],
        })
        expect(report.upgrades.filter(({ status }) => status === 'ok').map(({ upgrade }) => upgrade)).toEqual(
          granted,
        )
        rows.push({ front, report })
      })
    })
  }

  it('knows a bare gateway on its direct port', async () => {
    const { report } = await examine(`https://localhost:${stage.directPort}`)
    expect(report).toMatchObject({
      ok: true,
      verdict: 'direct',
      outerTls: { endedBy: 'server', tls: { alpn: 'echo' } },
      innerTls: [{ over: 'direct', status: 'ok', tls: { clientCertificate: true } }],
      vendors: [{ vendor: 'underpass', role: 'server', certainty: 'likely' }],
      advice: [],
    })
    rows.push({ front: 'nothing: a bare gateway, direct', report })
  })

  it('knows a bare gateway on its upgrade port', async () => {
    const { report } = await examine(`http://localhost:${stage.upgradePort}`)
    expect(report).toMatchObject({
      ok: true,
      verdict: 'upgrade',
      outerTls: { status: 'skipped' },
      vendors: [{ vendor: 'underpass', role: 'server', certainty: 'certain' }],
    })
    rows.push({ front: 'nothing: a bare gateway, plain HTTP', report })
  })

  it('makes the table of docs/load-balancers.md (node scripts/run.mjs doctor-doc)', () => {
    const file = process.env.UNDERPASS_DOCTOR_RESULT
    if (file !== undefined) writeFileSync(file, JSON.stringify(rows))
    // Where a peer is missing the table is short; then there is nothing to compare.
    else if (rows.length === fronts.length + 2)
      expect(readFileSync(join(projectRoot, 'docs', 'load-balancers.md'), 'utf8')).toContain(
        doctorTable(rows),
      )
    expect(rows.length).toBeGreaterThanOrEqual(2)
  })

  describePeer(['haproxy', 'nginx'], 'behind two in a row', () => {
    it('names both, the nearer first', async () => {
      await using second = await startNginx({
        upstreamPort: stage.upgradePort,
        certificate: stage.lbCertificate,
        plain: true,
      })
      await using first = await startHaproxy({ upstreamPort: second.port, certificate: stage.lbCertificate })
      const { report } = await examine(`https://localhost:${first.port}`)
      expect(report.ok).toBe(true)
      expect(report.vendors.map(({ vendor, role }) => [vendor, role])).toEqual([
        ['haproxy', 'tls'],
        ['nginx', 'http'],
        ['underpass', 'server'],
      ])
      expect(report.advice[0]?.title).toBe('2 load balancers in a row')
    })
  })

  describePeer('haproxy', 'behind an idle limit', () => {
    it('finds it, and that pings outlive it', async () => {
      await using balancer = await startHaproxy({
        upstreamPort: stage.upgradePort,
        certificate: stage.lbCertificate,
        idle: 3,
      })
      const { report } = await examine(`https://localhost:${balancer.port}`, '--idle', '6s')
      expect(report.idle).toMatchObject([
        { pings: false, status: 'warn', cutAfter: expect.any(Number) },
        { pings: true, status: 'ok' },
      ])
      const setting = report.advice.find(({ title }) => title === 'HAProxy')
      expect(setting?.config?.lines).toEqual(['timeout tunnel 1h'])
    })
  })
})

describe('underpass doctor, in trouble', { timeout: 60_000 }, () => {
  it('says who inspects TLS', async () => {
    const box = await createAuthority({ name: 'Zscaler Intermediate Root CA (zscaler.net)' })
    const { chain, privateKey } = await box.issue({ names: ['localhost'] })
    const server = createTls({ cert: chain, key: privateKey }, (socket) => {
      const behind = connect(stage.upgradePort, '127.0.0.1')
      socket.on('error', () => behind.destroy())
      behind.on('error', () => socket.destroy())
      socket.pipe(behind).pipe(socket)
    })
    await using box1 = await listening(server)
    const { report } = await examine(box1.origin, '--header', 'X-Plain: 1')
    expect(report).toMatchObject({
      ok: false,
      code: 'ERR_CERT_UNTRUSTED',
      exitStatus: 5,
      outerTls: { status: 'warn', endedBy: 'inspection', summary: expect.stringContaining('Zscaler') },
    })
    expect(report.advice[0]?.title).toBe('TLS inspection stands in between')
  })

  it('knows an origin that is no proxy', async () => {
    await using site = await website((_, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>Shop</title>')
    })
    const { report } = await examine(site.origin)
    expect(report).toMatchObject({
      ok: false,
      verdict: 'none',
      code: 'ERR_UPGRADE_STRIPPED',
      exitStatus: 4,
      ping: { status: 'warn', httpStatus: 200 },
    })
    expect(report.advice[0]?.title).toBe('Nothing there knows the upgrade')
  })

  it('knows a login page, and sends credentials to a verified endpoint only', async () => {
    const seen: Array<string | undefined> = []
    await using site = await website((request, response) => {
      seen.push(request.headers['x-api-key'] as string | undefined)
      response.writeHead(302, { location: 'https://login.example.com/?state=secret' }).end()
    })
    const headers = await folder.write('headers', 'X-Api-Key: abc\n')
    const { ran, report } = await examine(site.origin, '--header-file', headers)
    expect(report).toMatchObject({ code: 'ERR_UPGRADE_REDIRECTED', exitStatus: 4 })
    expect(report.advice[0]?.title).toBe('A login stands in front')
    expect(seen).toContain('abc')
    expect(ran.stdout).not.toMatch(/abc|state=secret/)
    seen.length = 0
    const unverified = await cli.run(['doctor', '--json', '--header-file', headers, site.origin])
    expect(JSON.parse(unverified.stdout)).toMatchObject({ code: 'ERR_CERT_UNTRUSTED', exitStatus: 5 })
    expect(seen.length).toBeGreaterThan(0)
    expect(seen).not.toContain('abc')
  })

  it('ends where nothing listens, and where a name is unknown', async () => {
    expect((await examine('https://127.0.0.1:1')).report).toMatchObject({
      code: 'ERR_DIAL_REFUSED',
      exitStatus: 3,
      tcp: { status: 'fail' },
      upgrades: [],
    })
    const { report } = await examine('https://no-such-host.invalid')
    expect(report).toMatchObject({
      code: 'ERR_DIAL_DNS',
      exitStatus: 3,
      dns: { status: 'fail', addresses: [] },
    })
  })

  it('goes through the proxy on the way out, and says when that refuses', async () => {
    let refuse = false
    const server = createHttp().on('connect', (request, client) => {
      client.on('error', () => {})
      if (refuse) return client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      const [, port] = (request.url ?? '').split(':')
      const behind = connect(Number(port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        behind.pipe(client).pipe(behind)
      })
      behind.on('error', () => client.destroy())
      client.on('close', () => behind.destroy())
    })
    await using proxy = await listening(server)
    const flags = ['--outbound-proxy', proxy.origin.replace('https:', 'http:')]
    const { report } = await examine(`http://localhost:${stage.upgradePort}`, ...flags)
    expect(report).toMatchObject({ ok: true, proxy: { status: 'ok' } })
    refuse = true
    const refused = await examine(`http://localhost:${stage.upgradePort}`, ...flags)
    expect(refused.report).toMatchObject({
      code: 'ERR_PROXY_DENIED',
      exitStatus: 3,
      proxy: { status: 'fail', code: 'ERR_PROXY_DENIED' },
    })
    expect(refused.report.advice[0]?.title).toBe('The proxy on the way out')
  })

  it('prints a report for people on stdout, and progress on stderr', async () => {
    const { status, stdout, stderr } = await cli.run([
      'doctor',
      ...tunnelFlags(),
      `http://localhost:${stage.upgradePort}`,
    ])
    expect(status).toBe(0)
    for (const line of [
      'DNS',
      'TCP',
      'ping',
      'websocket alpn-ping',
      'inner TLS',
      'Underpass gateway',
      'Verdict',
    ])
      expect(stdout).toContain(line)
    expect(stderr).toContain('✓ TCP')
    expect(stdout + stderr).not.toContain('\x1b[')
  })

  it('says what is missing where it knows only the address', async () => {
    const { stdout } = await cli.run([
      'doctor',
      '--json',
      '--alpn',
      'echo',
      `http://localhost:${stage.upgradePort}`,
    ])
    const report = JSON.parse(stdout) as DoctorReport
    expect(report).toMatchObject({ ok: true, innerTls: [{ status: 'warn' }] })
    expect(report.advice.map(({ title }) => title)).toContain('The server wants a client certificate')
  })
})

describe('underpass detect and inspect', { timeout: 60_000 }, () => {
  it('detect: one word on stdout, and 1 for "no upgrade is needed"', async () => {
    const origin = `https://localhost:${stage.directPort}`
    const flags = ['--trust', host, '--alpn', 'echo']
    const direct = await cli.run(['detect', ...flags, origin])
    expect(direct).toMatchObject({ status: 1, stdout: 'direct\n' })
    expect(direct.stderr).toContain('the origin selected echo')
    const json = await cli.run(['detect', '--json', ...flags, origin])
    expect(json.status).toBe(1)
    const object: unknown = JSON.parse(json.stdout)
    expect(ajv.validate(detect.schema!, object), ajv.errorsText()).toBe(true)
    expect(object).toMatchObject({ verdict: 'direct', connections: 1, roundTrips: 2 })
    const upgrade = await cli.run(['detect', ...flags, `http://localhost:${stage.upgradePort}`])
    expect(upgrade).toMatchObject({ status: 0, stdout: 'upgrade\n' })
  })

  it('inspect: the ladder, the chain, the checks, and a keylog that only its owner reads', async () => {
    const keylog = await folder.write('keys.txt', '', 0o644)
    const origin = `http://localhost:${stage.upgradePort}`
    const shown = await cli.run(['inspect', ...tunnelFlags(), '--keylog', keylog, origin])
    expect(shown.status).toBe(0)
    for (const line of [
      'ClientHello',
      'GET /webapi/connectionupgrade',
      '101',
      'CN=Host CA',
      'Checked',
      'Timings',
    ])
      expect(shown.stdout).toContain(line)
    expect(shown.stdout).not.toMatch(/PRIVATE KEY|_SECRET/)
    expect(statSync(keylog).mode & 0o777).toBe(0o600)
    expect(readFileSync(keylog, 'utf8')).toMatch(/^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$/m)
    const json = await cli.run(['inspect', '--json', ...tunnelFlags(), origin])
    const object: unknown = JSON.parse(json.stdout)
    expect(ajv.validate(inspect.schema!, object), ajv.errorsText()).toBe(true)
    expect(object).toMatchObject({
      framing: 'websocket',
      tls: { alpn: 'echo', serverName: innerName, clientCertificate: true, verified: true },
      checks: expect.arrayContaining(['tls chain', 'tls finished']),
    })
  })

  it('a client certificate that the gateway refuses after the handshake is no success', async () => {
    const issued = await stage.users.issue({ commonName: 'mallory', usage: 'client' })
    const mallory = await writeCertificate(folder, 'mallory', issued)
    const origin = `http://localhost:${stage.upgradePort}`
    const flags = ['--trust', host, '--server-name', innerName, '--alpn', 'echo']
    const missing = await cli.run(['inspect', '--json', ...flags, origin])
    expect(missing.status).toBe(6)
    expect(JSON.parse(missing.stdout)).toMatchObject({ code: 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED' })
    const shown = ['--cert', mallory.certificate, '--key', mallory.privateKey]
    const refused = await cli.run(['inspect', '--json', ...flags, ...shown, origin])
    expect(refused.status).toBe(6)
    const object: unknown = JSON.parse(refused.stdout)
    expect(ajv.validate(errorSchema, object), ajv.errorsText()).toBe(true)
    // The gateway's policy code (RFC 6455 §7.4.1) is the only word there is about why.
    expect(object).toMatchObject({
      code: 'ERR_TLS_TRUNCATED',
      causes: [{ code: 'ERR_WS_CLOSED', message: expect.stringContaining('1008') }],
    })
    expect(refused.stderr).toContain('cause: ERR_WS_CLOSED')
    const examined = await cli.run(['doctor', '--json', ...flags, ...shown, origin])
    expect(examined.status).toBe(6)
    expect(examined.stdout).toMatch(/ERR_WS_CLOSED [^"]*1008/)
  })

  it('inspect: a refused certificate exits with 5, below the ladder so far', async () => {
    const origin = `http://localhost:${stage.upgradePort}`
    const { status, stdout, stderr } = await cli.run(['inspect', '--trust', web, '--alpn', 'echo', origin])
    expect(status).toBe(5)
    expect(stdout).toContain('ClientHello')
    expect(stderr).toContain('ERR_CERT_UNTRUSTED')
  })
})

async function listening(server: Server): Promise<AsyncDisposable & { readonly origin: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

async function website(
  answer: NonNullable<Parameters<typeof createHttps>[1]>,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const { chain, privateKey } = stage.lbCertificate
  return listening(createHttps({ cert: chain, key: privateKey }, answer))
}
