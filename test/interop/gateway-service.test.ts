// The gateway as operators run it, the real program: reload, drain and kill, with nothing lost that should not be. Two of
// them behind one HAProxy share nothing but the certificates.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createDialer, type Dialer } from '../../src/platform/node/index.js'
import { type Build, buildPackage } from '../support/build.js'
import { temporaryFolder } from '../support/files.js'
import { describePeer, requireProgram } from '../support/peers.js'
import { freePort, startProcess } from '../support/servers/index.js'
import { readAll, readExactly, sameBytes, sample, send } from '../support/traffic.js'
import {
  type Credentials,
  innerName,
  makeCredentials,
  type Program,
  route,
  startProgram,
} from './gateway-program.js'

const opened: Array<() => unknown> = []
let build: Build
let credentials: Credentials

beforeAll(async () => {
  ;[build, credentials] = await Promise.all([
    buildPackage(fileURLToPath(new URL('../..', import.meta.url))),
    makeCredentials(),
  ])
}, 120_000)

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

afterAll(() => build?.remove())

/** Says one letter, then echoes. */
async function startNamed(letter: string): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.write(letter)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  opened.push(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function program(
  routes: string,
  more?: string,
  at?: { readonly upgrade: number; readonly admin: number },
): Promise<Program> {
  const started = await startProgram(build.folder, credentials, routes, more, at)
  opened.push(() => started.process.stop())
  return started
}

function dialerTo(port: number, options: { readonly alpn?: string; readonly direct?: boolean } = {}): Dialer {
  const { host, alice } = credentials
  const { alpn = 'echo', direct = false } = options
  const dialer = createDialer({
    origin: `${direct ? 'https' : 'http'}://127.0.0.1:${port}`,
    trust: host.certificate,
    serverName: innerName,
    identity: { certificate: alice.chain, privateKey: alice.privateKey },
    alpn: [alpn],
    mode: direct ? 'direct' : 'websocket',
  })
  opened.push(() => dialer.close())
  return dialer
}

type Tunnel = Awaited<ReturnType<Dialer['connect']>>

async function letterOf(tunnel: Tunnel): Promise<string> {
  return Buffer.from(await readExactly(tunnel.readable, 1)).toString()
}

async function echo(tunnel: Tunnel, text: string): Promise<string> {
  await send(tunnel.writable, Buffer.from(text))
  return Buffer.from(await readExactly(tunnel.readable, text.length)).toString()
}

/** Everything out and back, to both ends. */
async function whole(tunnel: Tunnel, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const received = readAll(tunnel.readable)
  await send(tunnel.writable, bytes)
  await tunnel.writable.close()
  return sameBytes(await received, bytes)
}

describe('reload', () => {
  it('serves new tunnels by the new file, keeps open ones, and keeps the old file while the new one is no good', async () => {
    const port = await startNamed('A')
    const gateway = await program(route('echo', port), '[reload]\nwatch = false\n')
    const before = await dialerTo(gateway.direct, { direct: true }).connect()
    expect(await letterOf(before)).toBe('A')

    await gateway.configure(`${route('new', port)}[[routes]]\nname = "ha`)
    gateway.process.child.kill('SIGHUP')
    expect(await gateway.told('not reloaded: the old configuration stays')).toMatchObject({
      level: 'error',
      code: 'ERR_GATEWAY_CONFIG',
      detail: expect.stringMatching(/^gateway\.toml:\d+:\d+: /),
    })
    expect(await letterOf(await dialerTo(gateway.direct, { direct: true }).connect())).toBe('A')

    await gateway.configure(route('new', port))
    gateway.process.child.kill('SIGHUP')
    await gateway.told('reloaded')
    await expect(dialerTo(gateway.direct, { direct: true }).connect()).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/),
    })
    const after = await dialerTo(gateway.direct, { direct: true, alpn: 'new' }).connect()
    expect(await letterOf(after)).toBe('A')
    expect(await echo(before, 'still here')).toBe('still here')
    const { text } = await gateway.ask('/metrics')
    expect(text).toContain('underpass_reloads_total{result="ok"} 1')
    expect(text).toContain('underpass_reloads_total{result="failed"} 1')
    expect(text).toContain('underpass_tunnels{route="echo"} 2')
  })

  it('happens by itself when a file changes that the configuration names', async () => {
    const port = await startNamed('A')
    const gateway = await program(route('echo', port), '[reload]\ninterval = "100ms"\n')
    const other = await makeCredentials()
    await gateway.folder.write('users.crt', other.users.certificate)
    await gateway.told('reloaded')
    const tunnel = await dialerTo(gateway.direct, { direct: true })
      .connect()
      .catch((error) => error)
    // The certificate is judged after the client has finished its handshake.
    const error = tunnel instanceof Error ? tunnel : await tunnel.closed.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) })
    expect(await gateway.told('refused')).toMatchObject({ code: 'ERR_GATEWAY_DENIED', route: 'echo' })
  })
})

describe('drain', () => {
  it('tells load balancers first, lets tunnels finish, and says goodbye to the rest', async () => {
    const port = await startNamed('A')
    const gateway = await program(route('echo', port), '[shutdown]\ndelay = "1s"\ndeadline = "2s"\n')
    const busy = await dialerTo(gateway.upgrade).connect()
    const idle = await dialerTo(gateway.upgrade).connect()
    expect([await letterOf(busy), await letterOf(idle)]).toEqual(['A', 'A'])
    expect((await gateway.ask('/readyz')).status).toBe(200)

    const exit = gateway.end('SIGTERM')
    await gateway.told('draining')
    expect(await gateway.ask('/readyz')).toEqual({ status: 503, text: 'draining\n' })
    expect((await gateway.ask('/healthz')).status).toBe(200)
    // The load balancer may not know yet.
    expect(await letterOf(await dialerTo(gateway.upgrade).connect())).toBe('A')
    await gateway.told('closing')
    const bytes = sample(1_000_000)
    expect(await whole(busy, bytes)).toBe(true)
    await expect(idle.closed).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(WS_GOING_AWAY|TLS_TRUNCATED)$/),
    })
    expect(await exit).toBe(0)
    const ends = gateway.log().filter(({ msg }) => msg === 'tunnel closed' || msg === 'tunnel cut')
    expect(ends.map(({ msg }) => msg).sort()).toEqual(['tunnel closed', 'tunnel cut', 'tunnel cut'])
    expect(ends.filter(({ msg }) => msg === 'tunnel cut').map(({ code }) => code)).toEqual([
      'ERR_ABORTED',
      'ERR_ABORTED',
    ])
  })
})

describe('a full disk', () => {
  it('for log and audit: counted, and the service goes on', async () => {
    const gateway = await program(
      route('echo', await startNamed('A')),
      '[log]\nfile = "/dev/full"\n[audit]\nfile = "/dev/full"\n',
    )
    const tunnel = await dialerTo(gateway.upgrade).connect()
    expect(await letterOf(tunnel)).toBe('A')
    expect(await whole(tunnel, sample(1_000))).toBe(true)
    expect(await letterOf(await dialerTo(gateway.upgrade).connect())).toBe('A')
    const { text } = await gateway.ask('/metrics')
    expect(Number(/^underpass_audit_lost_total (\d+)$/m.exec(text)![1])).toBeGreaterThan(0)
    expect(Number(/^underpass_log_lost_total (\d+)$/m.exec(text)![1])).toBeGreaterThan(0)
    expect((await gateway.ask('/readyz')).status).toBe(200)
  })

  it('takes no tunnels where the audit must be whole', async () => {
    const gateway = await program(
      route('echo', await startNamed('A')),
      '[audit]\nfile = "/dev/full"\nwhenFull = "refuse"\n',
    )
    expect(await whole(await dialerTo(gateway.upgrade).connect(), new Uint8Array())).toBe(false)
    await gateway.told('the audit cannot be written')
    expect(await gateway.ask('/readyz')).toEqual({
      status: 503,
      text: 'the audit cannot be written (ENOSPC)\n',
    })
    await expect(dialerTo(gateway.upgrade).connect()).rejects.toMatchObject({
      code: 'ERR_UPGRADE_UNAVAILABLE',
    })
  })
})

describePeer('haproxy', 'two gateways behind one HAProxy', () => {
  async function pair(more: string): Promise<{ port: number; gateways: readonly [Program, Program] }> {
    const gateways = await Promise.all(
      (['A', 'B'] as const).map(async (letter) => {
        // Not of the system's choice: one that follows in its place must get them again.
        const at = { upgrade: await freePort(), admin: await freePort() }
        return program(route('echo', await startNamed(letter)), more, at)
      }),
    )
    const folder = await temporaryFolder('pair')
    const port = await freePort()
    const config = await folder.write(
      'haproxy.cfg',
      `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 30s
  retries 3
  option redispatch 1
  retry-on conn-failure
frontend fe
  bind 127.0.0.1:${port}
  default_backend be
backend be
  balance roundrobin
  option httpchk
  http-check send meth GET uri /readyz
  timeout check 10s
  default-server inter 200ms fall 1 rise 1
${gateways.map(({ upgrade, admin }, i) => `  server s${i} 127.0.0.1:${upgrade} check port ${admin}`).join('\n')}
`,
    )
    const haproxy = await startProcess({
      command: requireProgram('haproxy'),
      args: ['-db', '-f', config],
      port,
      cleanup: folder.remove,
    })
    opened.push(() => haproxy.stop())
    return { port, gateways: gateways as unknown as readonly [Program, Program] }
  }

  it('one killed under load: only its own tunnels end, each by name', async () => {
    const { port, gateways } = await pair('')
    const dialer = dialerTo(port)
    const tunnels = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const tunnel = await dialer.connect()
        return { tunnel, letter: await letterOf(tunnel) }
      }),
    )
    const of = (wanted: string) => tunnels.filter(({ letter }) => letter === wanted)
    expect([of('A').length, of('B').length]).toEqual([6, 6])
    let killed = false
    const load = tunnels.map(async ({ tunnel, letter }) => {
      for (let round = 0; ; round++) {
        try {
          const text = `${letter} ${round}`
          if ((await echo(tunnel, text)) !== text) throw new Error('not what was sent')
        } catch (error) {
          return { letter, error }
        }
        if (killed && round > 20 && letter === 'B') return { letter, error: undefined }
      }
    })
    expect(await gateways[0].end('SIGKILL')).toBe('SIGKILL')
    killed = true
    const ends = await Promise.all(load)
    expect(ends.filter(({ letter }) => letter === 'B').map(({ error }) => error)).toEqual(
      Array(6).fill(undefined),
    )
    for (const { tunnel } of of('A')) {
      await expect(tunnel.closed).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(TLS_TRUNCATED|WS_ABNORMAL|STREAM_RESET)$/),
      })
    }
    for (const { tunnel } of of('B')) expect(await whole(tunnel, sample(100_000))).toBe(true)
    // The other takes over at once.
    for (let i = 0; i < 4; i++) expect(await letterOf(await dialer.connect())).toBe('B')
  })

  it('each drained and started again in turn under load: nothing is lost', async () => {
    const more = '[shutdown]\ndelay = "3s"\ndeadline = "20s"\n'
    const { port, gateways } = await pair(more)
    const bytes = sample(200_000)
    const seen: string[] = []
    let loaded = true
    const load = Array.from({ length: 4 }, async () => {
      while (loaded) {
        const tunnel = await dialerTo(port).connect()
        const letter = await letterOf(tunnel)
        if (!(await whole(tunnel, bytes))) throw new Error('not whole')
        seen.push(letter)
      }
    })
    /** Resolves once tunnels to these have been whole, from now on. */
    const served = async (...letters: readonly string[]) => {
      const from = seen.length
      while (!letters.every((letter) => seen.includes(letter, from)))
        await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const all: Program[] = [...gateways]
    const turns = (async () => {
      await served('A', 'B')
      for (const [gateway, letter, other] of [
        [gateways[0], 'C', 'B'],
        [gateways[1], 'D', 'C'],
      ] as const) {
        expect(await gateway.end('SIGTERM')).toBe(0)
        // The other carries all of it; then the one in its place takes its share again.
        await served(other)
        all.push(await program(route('echo', await startNamed(letter)), more, gateway))
        await served(other, letter)
      }
    })()
    await Promise.race([Promise.all(load), turns]).finally(() => {
      loaded = false
    })
    await Promise.all([turns, ...load])
    for (const gateway of all) expect(gateway.log().filter(({ msg }) => msg === 'tunnel cut')).toEqual([])
  })
})
