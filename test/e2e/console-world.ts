// Everything that the console's test needs, on loopback: PostgreSQL and Redis behind the gateway, HAProxy and nginx in front
// of it, the Worker with its assets in front of those, and a Chromium that keeps a record of what pages do.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type Browser, type BrowserContextOptions, chromium, type Page, type WebSocket } from 'playwright'
import { WebSocketServer } from 'ws'
import { projectRoot } from '../structure/source.js'
import { chromiumFlags } from '../support/chromium.js'
import { temporaryFolder } from '../support/files.js'
import { requireProgram } from '../support/peers.js'
import { freePort, startHaproxy, startNginx, startPostgres, startRedis } from '../support/servers/index.js'
import { createStage, type Stage } from '../support/stage.js'
import { miniflareClass } from '../support/workerd.js'
import { bundleWorker, compatibilityDate, ticketKey, token } from '../worker/support.js'

export interface World extends AsyncDisposable {
  /** Where the page is. */
  readonly url: string
  readonly stage: Stage
  readonly postgresPort: number
  readonly browser: Browser
  /** Origins of the load balancers, by name. */
  readonly balancers: Readonly<Record<'haproxy' | 'nginx' | 'rude', string>>
  /** The same page where the browser lends it no cryptography. */
  readonly insecure: string
  /** The same page by https. */
  readonly secure: string
  /** A JWT of the Worker's issuer that ends in so many seconds; `forged` by another key. */
  token(seconds: number, forged?: boolean): Promise<string>
  /** PEM of alice: certificate and key. */
  readonly alice: string
}

export async function createWorld(): Promise<World> {
  const stop: Array<() => unknown> = []
  try {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    stop.push(postgres.stop, redis.stop)
    const stage = await createStage({ 'teleport-postgres': postgres.port, 'teleport-redis': redis.port })
    stop.push(() => stage[Symbol.asyncDispose]())
    const front = { upstreamPort: stage.upgradePort, certificate: stage.lbCertificate, webSocketOnly: true }
    const [haproxy, nginx] = await Promise.all([startHaproxy(front), startNginx(front)])
    stop.push(haproxy.stop, nginx.stop)
    const rude = await startRude()
    stop.push(rude.stop)
    const rudeFront = await startHaproxy({ ...front, upstreamPort: rude.port })
    stop.push(rudeFront.stop)
    const keys = await startIssuer()
    stop.push(keys.stop)
    const balancers = {
      haproxy: `https://localhost:${haproxy.port}`,
      nginx: `https://localhost:${nginx.port}`,
      rude: `https://localhost:${rudeFront.port}`,
    }
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const lit = await startHaproxy({ upstreamPort: port, certificate: stage.lbCertificate })
    stop.push(lit.stop)
    const insecure = `http://${insecureHost}:${port}`
    const doors = ['tunnel']
    const worker = await startWorkerWithAssets(port, stage.web.certificate, {
      ALLOWED_ORIGINS: `${url} ${insecure} https://localhost:${lit.port}`,
      JWT: keys.policy,
      TOKENS: JSON.stringify({ tester: token }),
      TICKET_KEY: ticketKey,
      TARGETS: {
        postgres: { origin: balancers.haproxy, doors },
        nginx: { origin: balancers.nginx, doors },
        rude: { origin: `http://127.0.0.1:${rude.port}`, doors },
        gone: { origin: 'http://127.0.0.1:1', doors },
        closed: { origin: balancers.haproxy, doors: [] },
      },
    })
    stop.push(() => worker.dispose())
    const browser = await chromium.launch({
      executablePath: requireProgram('chromium'),
      headless: true,
      args: flags,
    })
    stop.push(() => browser.close())
    const issued = await stage.users.issue({ commonName: 'alice', usage: 'client' })
    return {
      url,
      stage,
      postgresPort: postgres.port,
      browser,
      balancers,
      insecure,
      secure: `https://localhost:${lit.port}`,
      token: keys.token,
      alice: `${issued.chain}\n${issued.privateKey}`,
      async [Symbol.asyncDispose]() {
        for (const each of stop.reverse()) await each()
      },
    }
  } catch (error) {
    for (const each of stop.reverse()) await each()
    throw error
  }
}

const insecureHost = 'console.test'

/** Takes WebSockets, answers what is said with two bytes, and is gone without a word. */
async function startRude(): Promise<{ readonly port: number; stop(): void }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'alpn-ping' })
  server.on('connection', (socket) => {
    // The beginning of a record header.
    socket.on('message', () => socket.send(Uint8Array.of(0x16, 0x03), () => socket.terminate()))
    socket.on('error', () => {})
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() }
}

/** Who signs tokens as Cloudflare Access does, with its keys where the Worker fetches them. */
async function startIssuer() {
  const [own, other] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'ES256' }
  const server = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const [issuer, audience] = ['https://team.example', 'console']
  return {
    policy: { issuer, audience, jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` },
    token: (seconds: number, forged = false) =>
      new SignJWT({ email: 'alice@example.com' })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
        .sign((forged ? other : own).privateKey),
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const flags = [`--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`, '--headless', ...chromiumFlags]

interface MiniflareLike {
  readonly ready: Promise<URL>
  dispose(): Promise<void>
}

/** As wrangler would deploy it: assets in front, the Worker for /tunnel and /agent. */
async function startWorkerWithAssets(
  port: number,
  roots: string,
  bindings: Readonly<Record<string, unknown>>,
): Promise<MiniflareLike> {
  const { script } = await bundleWorker()
  const Miniflare = await miniflareClass<MiniflareLike>(roots)
  const worker = new Miniflare({
    modules: true,
    script,
    compatibilityDate,
    compatibilityFlags: ['nodejs_compat'],
    cf: false,
    host: '127.0.0.1',
    port,
    bindings,
    assets: {
      directory: join(projectRoot, 'worker', 'console', 'dist'),
      binding: 'ASSETS',
      routerConfig: { has_user_worker: true, static_routing: { user_worker: ['/tunnel/*', '/agent/*'] } },
    },
    handleRuntimeStdio() {},
  })
  await worker.ready
  return worker
}

export interface Visit {
  readonly page: Page
  /** All that the page opened. */
  readonly sockets: readonly WebSocket[]
  /** What must stay empty: console errors, uncaught errors, CSP violations, requests to other origins. */
  readonly offences: string[]
  close(): Promise<void>
}

/** A page of its own, watched from its first byte. `path` may hold a fragment. */
export async function visit(
  { browser, url }: Pick<World, 'browser' | 'url'>,
  options: BrowserContextOptions = {},
  path = '/',
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options })
  await context.grantPermissions(['clipboard-read', 'clipboard-write']).catch(() => {})
  const page = await context.newPage()
  const offences: string[] = []
  const sockets: WebSocket[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      offences.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => offences.push(`uncaught: ${error.message}`))
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) offences.push(`request: ${request.url()}`)
  })
  page.on('websocket', (socket) => {
    sockets.push(socket)
    if (!socket.url().startsWith(`${url.replace(/^http/, 'ws')}/`))
      offences.push(`websocket: ${socket.url()}`)
  })
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(
        `CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
      )
    })
  })
  await page.goto(url + path)
  return { page, offences, sockets, close: () => context.close() }
}

/** The fragment that `npm run dev:worker` makes. */
export function fragment(prefill: object): string {
  return `/#dev=${Buffer.from(JSON.stringify(prefill)).toString('base64url')}`
}

/** What the openssl program makes of files, in a folder of their own; `out` is read. */
export async function openssl(
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<Buffer> {
  const folder = await temporaryFolder('openssl')
  try {
    for (const [name, contents] of Object.entries(files)) await folder.write(name, contents)
    await promisify(execFile)(requireProgram('openssl'), [...args, '-out', 'out'], { cwd: folder.path })
    return await readFile(join(folder.path, 'out'))
  } finally {
    await folder.remove()
  }
}
